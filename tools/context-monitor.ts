#!/usr/bin/env node
import { createProgram, runProgram } from "./program.ts";

const program = createProgram(
  "context-monitor",
  "Watches the transactions of a provider: a line for each task and second, and one for each announcement.",
)
  .option("--context_file <file>", "the context file; says where the provider is")
  .option("--endpoint <url>", "where listeners connect (tcp://…:SUB), instead of the file's")
  .option("--transaction <id>", "watch this transaction only")
  .option("--once", "print one sample and leave")
  .option("--json", "one JSON object a sample or announcement");

// Loaded when it is needed: `--help` must not wait for ZeroMQ.
runProgram(program, async () => (await import("./watch.ts")).watch(program.opts()));
