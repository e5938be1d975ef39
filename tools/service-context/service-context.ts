#!/usr/bin/env node
import { InvalidArgumentError, Option } from "commander";
import { LOG_LEVELS } from "../log-levels.ts";
import { createProgram, runProgram } from "../program.ts";
import { hearSignals } from "./signals.ts";

/** Of a history. */
const LEAST_MIB = 4;
const MOST_MIB = 2 ** 20;

const program = createProgram(
  "service-context",
  "Runs the provider of a context file: starts, watches and stops its task services.",
)
  .argument("<context-file>", "the context, such as conf/Context-EchoAction.xml")
  .option(
    "--start [transaction]",
    "start a transaction at once; without an id go on with what is resumed, or else generate one; it is printed",
  )
  .option("--until_done", "start, and leave when nothing runs any more; exit code 1 when a task has failed")
  .addOption(instead("--check", "print the problems of the file, or what it says, and leave"))
  .addOption(instead("--diagram", "print the tasks and triggers as a Mermaid state diagram, and leave"))
  .addOption(instead("--test", "run the tests that stand beside the services, and leave"))
  .option("--json", "answer in JSON")
  .option("--services_root <dir>", "load services from this folder as well; may be repeated", collect, [])
  .option("--state_dir <dir>", "where compiled services and the journal are kept (default: .zcontext beside the file)")
  .option(
    "--no_resume",
    "forget, for good, what a provider of this file was running when it died, instead of going on with it",
  )
  .option("--http <address>", "serve the dashboard and /metrics at HOST:PORT, or at a PORT of 127.0.0.1")
  .option("--http_token <token>", "take commands there from whoever has this token; @FILE reads it from a file")
  .option("--history [folder]", "keep figures and steps in files, below this folder (default: beside the journal)")
  .option("--history_size <MiB>", "what these files may take together, 4 or more (default: 64)", readSize)
  .addOption(new Option("--log_format <format>", "log lines on stderr").choices(["pretty", "json"]).default("pretty"))
  .addOption(new Option("--log_level <level>", "least level to log").choices(LOG_LEVELS).default("info"));

// Loaded when it is needed: `--help` must not wait for the whole provider.
runProgram(program, async () => {
  const [file = ""] = program.args;
  const { check, diagram, test } = program.opts();
  if (check) return (await import("./inspect.ts")).check(file, program.opts());
  if (diagram) return (await import("./inspect.ts")).draw(file, program.opts());
  if (test) return (await import("./test-services.ts")).testServices(file, program.opts());
  const signals = hearSignals();
  return (await import("./serve.ts")).serve(file, program.opts(), signals);
});

/** An option that asks for something else than to run the provider: one at a time, and none with a start. */
function instead(flags: string, description: string): Option {
  const option = new Option(flags, description);
  const others = ["check", "diagram", "test", "start", "until_done"];
  return option.conflicts(others.filter((name) => name !== option.attributeName()));
}

function collect(value: string, values: string[]): string[] {
  return [...values, value];
}

function readSize(text: string): number {
  const size = Number(text);
  if (!/^\d+$/.test(text) || size < LEAST_MIB || size > MOST_MIB)
    throw new InvalidArgumentError(`Expected a whole number of MiB, ${LEAST_MIB} or more.`);
  return size;
}
