#!/usr/bin/env node
import { Option } from "commander";
import { LOG_LEVELS } from "./log-levels.ts";
import { createProgram, runProgram } from "./program.ts";

const program = createProgram(
  "service-context",
  "Runs the provider of a context file: starts, watches and stops its task services.",
)
  .argument("<context-file>", "the context, such as conf/Context-EchoAction.xml")
  .option("--start [transaction]", "start a transaction at once; without an id one is generated and printed")
  .option("--until_done", "start, and leave when nothing runs any more; exit code 1 when a task has failed")
  .option("--check", "print the problems of the file, or what it says, and leave")
  .option("--json", "answer in JSON")
  .option("--services_root <dir>", "load services from this folder as well; may be repeated", collect, [])
  .option("--state_dir <dir>", "where compiled services are kept (default: .zcontext beside the file)")
  .addOption(new Option("--log_format <format>", "log lines on stderr").choices(["pretty", "json"]).default("pretty"))
  .addOption(new Option("--log_level <level>", "least level to log").choices(LOG_LEVELS).default("info"));

// Loaded when it is needed: `--help` must not wait for the whole provider.
runProgram(program, async () => (await import("./serve.ts")).serve(program.args[0] ?? "", program.opts()));

function collect(value: string, values: string[]): string[] {
  return [...values, value];
}
