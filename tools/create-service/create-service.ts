#!/usr/bin/env node
import { Option } from "commander";
import { createProgram, runProgram } from "../program.ts";

const program = createProgram(
  "create-service",
  "Writes task services and the context file that runs them; what is yours is never overwritten.",
)
  .option("--xml_file <file>", "a MetaServiceConf that describes several services, in place of the options below")
  .option("--service_path <dir>", "the project: code goes to its folder services")
  .option("--home_path <dir>", "holds the folder conf of the context file (default: the project)")
  .option("--context_name <name>", "names the context file, Context-<name>.xml")
  .option("--context_id <id>", "the context's id (default: context001)")
  .option("--server_ip <host>", "where the context runs: 127.0.0.1")
  .option("--sub_port <port>", "port that listeners connect to; * leaves it to the system")
  .option("--pub_port <port>", "port that senders connect to; * leaves it to the system")
  .option("--task_service <name>", "the service: its folder, its files and its instance")
  .option("--task_class <name>", "what the task is called in the code (default: as the service)")
  .addOption(
    new Option("--task_type <type>", "runs again and again, or once (default: Looped)").choices(["Looped", "Single"]),
  )
  .option("--task_desc <text>", "what it does, for people")
  .option("--service_name <name>", "its name in messages")
  .option("--task_id <id>", "its id in the context, such as ts001")
  .option("--task_topic <topic>", "topic of the commands to it (default: process)")
  .option("--device_action <text>", "repeated in all that it announces")
  .option(
    "--entry_action <word>",
    "on_start: runs when the context starts, the default; anything else: waits for a trigger",
  )
  .option("--location <dir>", "a folder of the project for the code, in place of services")
  .option("--on_start <trigger>", 'what follows when it has started: "start ts002"')
  .option("--on_update <trigger>", "when it reports something")
  .option("--on_fail <trigger>", 'when it has failed: "restart ts001"')
  .option("--on_exit <trigger>", "when it has ended by itself")
  .addOption(new Option("--language <language>", "of the code").choices(["typescript", "python"]))
  .option("--templates <dir>", "templates of your own, in place of those of the same name")
  .option("--dry_run", "print what would be written, with the differences, and write nothing")
  .option("--force", "replace generated files that somebody has changed; never what is yours")
  .option("--diagram", "print the context as a Mermaid state diagram")
  .option("--json", "answer in JSON")
  .addHelpText(
    "after",
    "\nService lists, templates and everything that is written: docs/create-service.md in the package.",
  );

// Loaded when it is needed: `--help` must not wait for the templates.
runProgram(program, async () => (await import("./create.ts")).create(program.opts()));
