#!/usr/bin/env node
// The words of `service-context`.
import { Option } from "commander";
import { createProgram, runProgram } from "../program.ts";
import { addInstallUnit } from "../systemd/unit-words.ts";
import { addDaemonOptions, addFileOptions, addRunOptions, loadInspection, runProvider } from "./provider-options.ts";

const program = createProgram(
  "service-context",
  "Runs the provider of a context file: starts, supervises and stops its task services.",
)
  .argument("<context-file>", "a file such as conf/Context-EchoAction.xml")
  .option(
    "--start [transaction]",
    "start a transaction at once, and print its id; without an id: the resumed one, or else a new one",
  )
  .addOption(instead("--check", "print the problems of the file, or what it says, and exit"))
  .addOption(instead("--diagram", "print the tasks and triggers as a Mermaid state diagram, and exit"))
  .addOption(instead("--test", "run the tests beside the services, and exit"));
addDaemonOptions(addRunOptions(addFileOptions(program)));
// Positional: `install-unit` has options of the same names, which are for the unit.
program.enablePositionalOptions().helpCommand(false);
addInstallUnit(program, (command) => addRunOptions(addFileOptions(command)));

runProgram(program, async () => {
  const [file = ""] = program.args;
  const { check, diagram, test } = program.opts();
  if (check) return (await loadInspection()).check(file, program.opts());
  if (diagram) return (await loadInspection()).draw(file, program.opts());
  if (test) return (await import("./test-services.ts")).testServices(file, program.opts());
  return runProvider(file, program.opts());
});

/** An option that does something instead of running the provider: at most one of these, and none with --start. */
function instead(flags: string, description: string): Option {
  const option = new Option(flags, description);
  const others = ["check", "diagram", "test", "start", "until_done", "daemon", "pid_file"];
  return option.conflicts(others.filter((name) => name !== option.attributeName()));
}
