#!/usr/bin/env node
// The words of `create-service`: its options and their help. Loads little, so that `--help` is fast; create.ts does the work.
import { Option } from "commander";
import { createProgram, runProgram } from "../program.ts";

/** Lists that are given one by one are one list. */
const join = (names: string, before?: string) => (before === undefined ? names : `${before},${names}`);

const program = createProgram(
  "create-service",
  "Writes task services and the context file that runs them. Never overwrites your own code.",
)
  .option("--xml_file <file>", "a MetaServiceConf that describes several services, instead of the options below")
  .option("--service_path <dir>", "the project; the code goes to its folder services")
  .option("--home_path <dir>", "the folder whose conf gets the context file (default: the project)")
  .option("--context_name <name>", "the context; its file is Context-<name>.xml")
  .option("--context_id <id>", "the context's id (default: context001)")
  .option("--server_ip <host>", "the host of the context, such as 127.0.0.1")
  .option("--sub_port <port>", "the port that listeners connect to; * lets the system choose")
  .option("--pub_port <port>", "the port that senders connect to; * lets the system choose")
  .option("--task_service <name>", "the service; names its folder, its files and its instance")
  .option("--task_class <name>", "the task's name in the code (default: the service's name)")
  .addOption(
    new Option(
      "--task_type <type>",
      "Looped runs again and again, Single once (default: Looped, without handlers)",
    ).choices(["Looped", "Single"]),
  )
  .option("--task_desc <text>", "what it does, for people")
  .option("--service_name <name>", "its name in messages")
  .option("--task_id <id>", "its id in the context, such as ts001")
  .option("--task_topic <topic>", "the topic of commands to it (default: process)")
  .option("--device_action <text>", "the device_action of all its announcements")
  .option(
    "--entry_action <word>",
    "on_start: it runs when the context starts; any other word: it waits for a trigger (default: on_start)",
  )
  .option("--location <dir>", "the folder of the project for the code (default: services)")
  .option("--listens <events>", "events that it listens to, such as orders.created,orders.paid; may be repeated", join)
  .option("--serves <methods>", "methods that others may call, such as get_invoice; may be repeated", join)
  .option("--actions <actions>", "actions that others may have it do, such as SendEmail; may be repeated", join)
  .option("--consumes <queues>", "queues that it consumes, such as queue_1; may be repeated", join)
  .option("--protocol <name>", "over which protocol, such as HTTPHandler (the default) or KafkaHandler")
  .addOption(
    new Option(
      "--base <base>",
      "custom: a service of a node, with start, stop, the action Process and stateUpdate",
    ).choices(["custom"]),
  )
  .option("--on_start <trigger>", 'what to do when it has started, such as "start ts002"')
  .option("--on_update <trigger>", "what to do when it announces progress")
  .option("--on_fail <trigger>", 'what to do when it has failed, such as "restart ts001"')
  .option("--on_exit <trigger>", "what to do when it has ended by itself")
  .addOption(
    new Option("--language <language>", "the language of the code (default: typescript)").choices([
      "typescript",
      "python",
    ]),
  )
  .option("--templates <dir>", "a folder of templates that replace those of the same name")
  .option("--dry_run", "write nothing, and print what would be written, with the differences")
  .option("--force", "replace generated files even if they were changed; never your own code")
  .option("--diagram", "print the context as a Mermaid state diagram")
  .option("--json", "answer in JSON")
  .addHelpText(
    "after",
    "\nMore about service lists, templates and the written files: docs/create-service.md in the package.",
  );

// Loaded on demand: `--help` must not wait for the templates.
runProgram(program, async () => (await import("./create.ts")).create(program.opts()));
