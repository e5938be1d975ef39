#!/usr/bin/env node
// The words of `zcontext`: its verbs by what they are for. Loads little, so that `--help` is fast; the files beside it do
// the work.
import type { Command } from "commander";
import { createProgram, runProgram } from "../program.ts";
import { addControlVerbs } from "./control-verbs.ts";
import { EVERYDAY, refuseUnknown } from "./everyday.ts";
import { addLookVerbs } from "./look-verbs.ts";
import { addMachineVerbs } from "./machine-verbs.ts";
import { addMessageVerbs } from "./message-verbs.ts";
import { addNewVerb } from "./new-verb.ts";
import { addRunVerbs } from "./run-verbs.ts";

const program = createProgram(
  "zcontext",
  "Runs groups of programs, controls them, and shows what they do and have done.",
);

program.configureHelp({ subcommandTerm: termOf });
program.commandsGroup("Run a context:");
addRunVerbs(program);
addNewVerb(program);
program.commandsGroup("Command it:");
addControlVerbs(program);
program.commandsGroup("Look at it:");
addLookVerbs(program);
program.commandsGroup("Messages between its services:");
addMessageVerbs(program);

program.commandsGroup("This machine:");
addMachineVerbs(program);
program.helpCommand("help [verb]", "print the help of a verb");

program.addHelpText("after", `\n${EVERYDAY}`).on("command:*", ([word = ""]: string[]) => refuseUnknown(program, word));

runProgram(program);

/** `run [context-file]`: that a verb has options goes without saying. */
function termOf(verb: Command): string {
  const words = verb.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [verb.name(), ...words].join(" ");
}
