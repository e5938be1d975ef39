#!/usr/bin/env node
import { InvalidArgumentError, Option } from "commander";
import { readEndpoint } from "../endpoint.ts";
import { createProgram, runProgram } from "../program.ts";
import { ACTIONS } from "./actions.ts";

/** A timer of Node's can't be longer. */
const MAX_SECONDS = 2_000_000;

const program = createProgram(
  "conf-command",
  "Controls a running context: starts, stops and restarts tasks, asks for state and figures, ends the provider.",
)
  .addOption(new Option("--action <action>", "what to do").choices(ACTIONS))
  .option("--context_file <file>", "the context file; says where the provider is, and what to start")
  .option("--endpoint <url>", "where senders connect (tcp://…:PUB), instead of the file's", readEndpoint)
  .option("--subscribe_endpoint <url>", "where listeners connect (tcp://…:SUB), instead of the file's", readEndpoint)
  .option("--service_name <name>", "context, all or state", "context")
  .option("--service_id <id>", "the context's id, checked by stop")
  .option("--transaction <id>", "the transaction; on start an absent or empty one is generated and printed")
  .option("--task_id <ids>", "tasks, separated by commas, or all", "all")
  .option("--topic <topic>", "with --content: publish any message on this topic")
  .option("--content <json>", "the message: a whole one with its header, or the content alone")
  .option("--use_file", "accepted for the original's sake: --context_file is always used")
  .option("--open_connections", "with --action top: the connections of each task's first process")
  .option("--opened_files", "with --action top: its open files")
  .option("--memory_maps", "with --action top: what is mapped into its memory")
  .option("--use_service", "with --action top: have the provider publish them from now on, for whoever listens there")
  .addOption(
    new Option("--service_type <type>", "with --use_service: pub begins or changes a publication, none ends it")
      .choices(["pub", "none"])
      .default("pub")
      .implies({ use_service: true }),
  )
  .addOption(
    new Option("--service_endpoint <url>", "with --use_service: where to publish")
      .default("tcp://127.0.0.1:6558")
      .implies({ use_service: true }),
  )
  .addOption(
    new Option("--service_freq <seconds>", "with --use_service: from one publication to the next, at least 1")
      .argParser(seconds)
      .default(1)
      .implies({ use_service: true }),
  )
  .option("--timeout <seconds>", "how long to wait for the tasks", seconds, 60)
  .option("--no-wait", "return once the provider has accepted the command")
  .option("--json", "answer in JSON");

// Loaded when it is needed: `--help` must not wait for ZeroMQ.
runProgram(program, async () => (await import("./control.ts")).control(program.opts()));

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError(`expected seconds, more than 0 and at most ${MAX_SECONDS}`);
}
