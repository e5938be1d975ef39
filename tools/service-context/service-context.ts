#!/usr/bin/env node
// The words of `service-context`: its options and their help. Loads little, so that `--help` is fast; serve.ts and its neighbours do the work.
import { InvalidArgumentError, Option } from "commander";
import { LOG_LEVELS } from "../log-levels.ts";
import { createProgram, runProgram } from "../program.ts";
import { handleSignals } from "./signals.ts";

/** Limits of --history_size. */
const MIN_MIB = 4;
const MAX_MIB = 2 ** 20;

const program = createProgram(
  "service-context",
  "Runs the provider of a context file: starts, supervises and stops its task services.",
)
  .argument("<context-file>", "a file such as conf/Context-EchoAction.xml")
  .option(
    "--start [transaction]",
    "start a transaction at once, and print its id; without an id: the resumed one, or else a new one",
  )
  .option("--until_done", "start a transaction, and leave when it is over; exit code 1 if a task has failed")
  .addOption(instead("--check", "print the problems of the file, or what it says, and exit"))
  .addOption(instead("--diagram", "print the tasks and triggers as a Mermaid state diagram, and exit"))
  .addOption(instead("--test", "run the tests beside the services, and exit"))
  .option("--json", "answer in JSON")
  .addOption(
    new Option("--services_root <dir>", "another folder to load services from; may be repeated")
      .argParser(collect)
      .default([], "none"),
  )
  .option("--state_dir <dir>", "the folder for compiled services and the journal (default: .zcontext beside the file)")
  .option("--no_resume", "do not resume what a provider of this file was running when it died, and forget it for good")
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

// Loaded on demand: `--help` must not wait for the whole provider to load.
runProgram(program, async () => {
  const [file = ""] = program.args;
  const { check, diagram, test } = program.opts();
  if (check) return (await import("./inspect.ts")).check(file, program.opts());
  if (diagram) return (await import("./inspect.ts")).draw(file, program.opts());
  if (test) return (await import("./test-services.ts")).testServices(file, program.opts());
  const signals = handleSignals();
  return (await import("./serve.ts")).serve(file, program.opts(), signals);
});

/** An option that does something instead of running the provider: at most one of these, and none with --start. */
function instead(flags: string, description: string): Option {
  const option = new Option(flags, description);
  const others = ["check", "diagram", "test", "start", "until_done"];
  return option.conflicts(others.filter((name) => name !== option.attributeName()));
}

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
