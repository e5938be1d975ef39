#!/usr/bin/env node
// The words of `conf-command`: its options and their help. Loads little, so that `--help` is fast; execute.ts does the work.
import { Option } from "commander";
import { readEndpoint } from "../endpoint.ts";
import { createProgram, runProgram } from "../program.ts";
import { readSeconds } from "../seconds.ts";
import { ACTIONS } from "./actions.ts";

const program = createProgram(
  "conf-command",
  "Controls a running context: starts, stops and restarts tasks, asks for state and figures, ends the provider.",
)
  .addOption(new Option("--action <action>", "what to do").choices(ACTIONS))
  .option("--context_file <file>", "the context file: says where the provider is and which tasks there are")
  .option("--endpoint <url>", "where senders connect, tcp://HOST:PORT, instead of the file's endpoint", readEndpoint)
  .option(
    "--subscribe_endpoint <url>",
    "where listeners connect, tcp://HOST:PORT, instead of the file's endpoint",
    readEndpoint,
  )
  .option("--service_name <name>", "context, all or state", "context")
  .option("--service_id <id>", "the context's id, which the provider checks on stop")
  .option(
    "--transaction <id>",
    "the transaction (default: on start a new one, which is printed, if none runs; for request and top all; otherwise the only one)",
  )
  .option("--new", "with --action start: start another transaction beside those that run")
  .option("--task_id <ids>", "ids of tasks, separated by commas, or all", "all")
  .option("--topic <topic>", "the topic of --content")
  .option("--content <json>", "publish any message on --topic: a whole one with its header, or the content alone")
  .option("--use_file", "accepted for compatibility, without effect: --context_file is always used")
  .option("--open_connections", "with --action top: list the connections of each task's first process")
  .option("--opened_files", "with --action top: list its open files")
  .option("--memory_maps", "with --action top: list the files mapped into its memory")
  .option("--use_service", "with --action top: have the provider publish the figures at --service_endpoint")
  .addOption(
    new Option("--service_type <type>", "with --use_service: pub begins or changes the publication, none ends it")
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
    new Option("--service_freq <seconds>", "with --use_service: the time between two publications, at least 1")
      .argParser(readSeconds)
      .default(1)
      .implies({ use_service: true }),
  )
  .option("--timeout <seconds>", "how long to wait for the tasks", readSeconds, 60)
  .option("--no-wait", "return once the provider has accepted the command")
  .option("--json", "answer in JSON");

// Loaded on demand: `--help` must not wait for ZeroMQ to load.
runProgram(program, async () => (await import("./execute.ts")).execute(program.opts()));
