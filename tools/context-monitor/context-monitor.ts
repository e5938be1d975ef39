#!/usr/bin/env node
import { Option } from "commander";
import { readEndpoint } from "../endpoint.ts";
import { createProgram, runProgram } from "../program.ts";

const program = createProgram(
  "context-monitor",
  "Watches the tasks of a provider: a live table on a terminal, lines elsewhere.",
)
  .option("--context_file <file>", "the context file; says where the provider is")
  .option("--endpoint <url>", "where listeners connect (tcp://…:SUB), instead of the file's", readEndpoint)
  .option("--transaction <id>", "watch this transaction only")
  .option("--once", "print one table and leave")
  .option("--json", "one JSON object for each transaction and sample")
  .option("--wait", "wait for a provider that is not there yet; a live table always does")
  .addOption(
    new Option("--since <time>", "print what was kept with --history since then: 90s, 15m, 1h, 2d ago, or a time")
      // Those concern what happens now.
      .conflicts(["once", "wait", "endpoint"]),
  )
  .option("--history <folder>", "of --since: where that was kept, if not beside the context file");

// Loaded when it is needed: `--help` must not wait for ZeroMQ.
runProgram(program, async () => {
  if (program.opts().since !== undefined)
    return (await import("./history/print-history.ts")).printHistory(program.opts());
  return (await import("./monitor.ts")).monitor(program.opts());
});
