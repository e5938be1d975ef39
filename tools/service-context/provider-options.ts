// The options of a provider and of a look at its file, for `service-context` and for the verbs of `zcontext` that are the
// same. Loads little, so that `--help` is fast; serve.ts and its neighbours do the work.
import { type Command, InvalidArgumentError, Option } from "commander";
import { LOG_LEVELS } from "../log-levels.ts";
import { backgroundOf } from "./background.ts";
import { handOverToInit } from "./init.ts";
import type { ServeOptions } from "./serve.ts";
import { handleSignals } from "./signals.ts";

/** Limits of --history_size. */
const MIN_MIB = 4;
const MAX_MIB = 2 ** 20;

/** Options of a provider that runs. */
export function addRunOptions(command: Command): Command {
  return command
    .option("--until_done", "start a transaction, and leave when it is over; exit code 1 if a task has failed")
    .option(
      "--no_resume",
      "do not resume what a provider of this file was running when it died, and forget it for good",
    )
    .option("--watch", "take over the file and the code of tasks whenever they change: for development")
    .option("--http <address>", "serve the dashboard and /metrics at HOST:PORT, or at PORT on 127.0.0.1")
    .option(
      "--http_token <token>",
      "take commands there that carry this token; @FILE reads it from a file; requires --http",
    )
    .option(
      "--history [folder]",
      "keep figures and transitions in files, below this folder (default: beside the journal)",
    )
    .option(
      "--history_size <MiB>",
      "the size of these files together, 4 or more (default: 64); requires --history",
      readWhole("MiB", { min: MIN_MIB, max: MAX_MIB }),
    )
    .option(
      "--log_size <MiB>",
      "the size of the files with what tasks print together; 0 keeps none (default: of the file, or else 1024)",
      readWhole("MiB", { min: 0, max: MAX_MIB }),
    )
    .option(
      "--log_file_size <MiB>",
      "the size of each of these files (default: of the file, or else 10)",
      readWhole("MiB", { min: 1, max: 1_024 }),
    )
    .option(
      "--log_files <n>",
      "how many of them each task has (default: of the file, or else 5)",
      readWhole("files", { min: 1, max: 1_000 }),
    )
    .addOption(
      new Option("--log_format <format>", "the form of the log lines on stderr")
        .choices(["pretty", "json"])
        .default("pretty"),
    )
    .addOption(new Option("--log_level <level>", "the lowest level to log").choices(LOG_LEVELS).default("info"));
}

/** Options of a provider that is started by hand; a service manager keeps its provider in the foreground. */
export function addDaemonOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--daemon", "run in the background, and answer once the provider is ready or has failed").conflicts(
        "until_done",
      ),
    )
    .option("--pid_file <file>", "write the provider's process id there once it is ready, and remove it at the end");
}

/** Options of whatever reads a context file and the code of its tasks. */
export function addFileOptions(command: Command): Command {
  return command
    .option("--json", "answer in JSON")
    .addOption(
      new Option("--services_root <dir>", "another folder to load services from; may be repeated")
        .argParser(collect)
        .default([], "none"),
    )
    .option(
      "--state_dir <dir>",
      "the folder for compiled services and the journal (default: .zcontext beside the file)",
    );
}

/** Runs a provider; answers the exit code. */
export async function runProvider(file: string, options: ServeOptions): Promise<number> {
  const background = options.daemon ? backgroundOf() : undefined;
  // Loaded on demand, as all that does the work.
  if (options.daemon && background === undefined) return (await import("./daemon.ts")).startDaemon(file, options);
  handOverToInit();
  // Before anything is loaded: a signal may come at once.
  const signals = handleSignals();
  // Loaded on demand: `--help` must not wait for the whole provider to load.
  return (await import("./serve.ts")).serve(file, options, signals, background);
}

export const loadInspection = () => import("./inspect.ts");

function collect(value: string, values: string[]): string[] {
  return [...values, value];
}

/** Reads a whole number of something. */
function readWhole(what: string, { min, max }: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,15}$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Expected a whole number of ${what}, ${min} or more.`);
  };
}
