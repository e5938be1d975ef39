#!/usr/bin/env node
import { Option } from "commander";
import { createProgram, runProgram } from "../program.ts";
import { addBusCommands } from "./words.ts";

const program = createProgram(
  "context-bus",
  "Shows the messages between services, and sends some: events, signals and calls.",
)
  .configureHelp({ showGlobalOptions: true })
  .addOption(new Option("--context_file <file>", "the context file; says where its engine is").conflicts("url"))
  .option("--url <url>", "where the engine is, instead of a file; ZCONTEXT_BUS_URL by default")
  .option("--json", "answer in JSON");
addBusCommands(program, async () => program.opts());

runProgram(program);
