// What all commands do alike: read their words, print errors, answer an exit code, and end although a reader of their
// output may be slow or gone.
import { Command, CommanderError, type Option } from "commander";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import { emptied, UNREAD_MS } from "./outlet.ts";
import { answerJson, EXIT, errorAsJson, exitCodeOf, paint, printError, say } from "./print.ts";
import { closeLostTerminal } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** A command-line program with `--version` and `--help`. */
export function createProgram(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError(`Try \`${name} --help\`.`)
    .exitOverride();
}

/** An action of a program or of one of its commands. What it answers becomes the exit code. */
export function answering<Words extends unknown[]>(action: (...words: Words) => Promise<number>) {
  return async (...words: Words): Promise<void> => {
    process.exitCode = await action(...words);
  };
}

/**
 * Runs a program on the words of the command line. Its action, or that of the command that is named, answers the exit code;
 * what it throws is printed and becomes one. Options may be spelled with underscores, as the original has them, or with
 * dashes.
 *
 * @param action - Of a program without commands.
 */
export async function runProgram(program: Command, action?: () => Promise<number>): Promise<void> {
  // A closed terminal or a full disk must not end what the command does.
  process.stdout.on("error", onAnswerLost);
  process.stderr.on("error", () => {});
  process.on("exit", closeLostTerminal);
  if (action !== undefined) program.action(answering(action));
  try {
    await program.parseAsync([...process.argv.slice(0, 2), ...spellKnown(program, process.argv.slice(2))]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else process.exitCode = await fail(error, optionsGiven(program));
  }
  await end();
}

// Messages that are not read must not keep the process alive; an answer may wait as long as it is being read.
async function end(): Promise<void> {
  const [isHeard] = await Promise.all([process.stderr, process.stdout].map((stream) => emptied(stream, UNREAD_MS)));
  if (!isHeard) process.exit();
}

/** Prints an error: with --json as the answer on stdout, with JSON logs as a log line; answers the exit code. */
async function fail(error: unknown, { json, log_format, transaction }: { [option: string]: unknown }): Promise<number> {
  if (json && error instanceof ZcontextError)
    answerJson({ ...(transaction ? { transaction } : {}), ...errorAsJson(error) });
  if (log_format === "json") {
    const { createLog } = await import("./log.ts");
    const { code, hint, details } = error instanceof ZcontextError ? error : {};
    createLog("json", "error").error({ code, hint, details }, reasonOf(error));
  } else if (!json || !(error instanceof ZcontextError)) printError(error);
  if (exitCodeOf(error) === EXIT.internal && log_format !== "json")
    say("This is a fault of zcontext itself; please report it with the lines above.");
  return exitCodeOf(error);
}

/** The words with each option as the program spells it. */
function spellKnown(program: Command, words: string[]): string[] {
  const known = new Map(
    optionsOf(program).flatMap(({ long }) => (long == null ? [] : [[dashed(long), long] as const])),
  );
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  return words.map((word, index) => {
    const [, name = "", rest = ""] = /^(--[^=]+)(=.*)?$/s.exec(word) ?? [];
    return index < end && name !== "" ? (known.get(dashed(name)) ?? name) + rest : word;
  });
}

/** To the program, and to the command of it that was called. */
function optionsGiven(program: Command): { [option: string]: unknown } {
  return Object.assign({}, program.opts(), ...program.commands.map(optionsGiven));
}

/** Those of the program and of all its commands. */
function optionsOf({ options, commands }: Command): readonly Option[] {
  return [...options, ...commands.flatMap(optionsOf)];
}

function dashed(option: string): string {
  return option.replaceAll("_", "-");
}

let isAnswerLost = false;

// A reader that closes the pipe, or a closed terminal, is no failure; any other lost answer is one.
function onAnswerLost({ code, message }: NodeJS.ErrnoException): void {
  const isTerminalClosed = code === "EIO" && process.stdout.isTTY;
  if (code === "EPIPE" || isTerminalClosed || isAnswerLost) return;
  isAnswerLost = true;
  say(`${paint("red", "error:")} can't write to stdout: ${message}`);
  process.once("exit", (exitCode) => {
    if (exitCode === EXIT.done) process.exitCode = EXIT.failed;
  });
}
