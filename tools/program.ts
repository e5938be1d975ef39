import { Command, CommanderError } from "commander";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import { emptied } from "./outlet.ts";
import { answerJson, EXIT, errorAsJson, exitCodeOf, paint, printError, say } from "./print.ts";
import { VERSION } from "./version.ts";

/** How long what was said may wait for a reader before its process ends without, in milliseconds. */
export const UNREAD_MS = 2_000;

/** A command-line program: its name, what it does, `--version` and `--help`. */
export function createProgram(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError(`Try \`${name} --help\`.`)
    .exitOverride();
}

/**
 * Runs a program on the words of the command line. Its action answers the exit code; what it throws is printed with a
 * hint and becomes one. Options may be spelled with underscores, as the original has them, or with dashes.
 */
export async function runProgram(program: Command, action: () => Promise<number>): Promise<void> {
  // Whoever reads our answer may leave early; that is no failure of ours. And what can't be written, on a closed terminal
  // or a full disk, must never end what it is about.
  process.stdout.on("error", regretAnswer);
  process.stderr.on("error", () => {});
  program.action(async () => {
    process.exitCode = await action();
  });
  try {
    await program.parseAsync([...process.argv.slice(0, 2), ...spellKnown(program, process.argv.slice(2))]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else process.exitCode = await fail(error, program.opts());
  }
  await leave();
}

// What nobody reads must not keep us; an answer may wait as long as it is read.
async function leave(): Promise<void> {
  const [isHeard] = await Promise.all([process.stderr, process.stdout].map((stream) => emptied(stream, UNREAD_MS)));
  if (!isHeard) process.exit();
}

// Whoever reads JSON gets the error as JSON as well: on stdout as the answer, on stderr as a log line.
async function fail(error: unknown, { json, log_format, transaction }: { [option: string]: unknown }): Promise<number> {
  if (json && error instanceof ZcontextError)
    answerJson({ ...(transaction ? { transaction } : {}), ...errorAsJson(error) });
  if (log_format === "json") {
    const { createLog } = await import("./log.ts");
    const { code, hint, details } = error as Partial<ZcontextError>;
    createLog("json", "error").error({ code, hint, details }, reasonOf(error));
  } else if (!json || !(error instanceof ZcontextError)) printError(error);
  if (exitCodeOf(error) === EXIT.internal && log_format !== "json")
    say("This is a fault of zcontext itself; please report it with the lines above.");
  return exitCodeOf(error);
}

function spellKnown(program: Command, words: string[]): string[] {
  const known = new Map(program.options.map(({ long }) => [plain(long ?? ""), long as string]));
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  return words.map((word, index) => {
    const [, name = "", rest = ""] = /^(--[^=]+)(=.*)?$/s.exec(word) ?? [];
    return index < end && name !== "" ? (known.get(plain(name)) ?? name) + rest : word;
  });
}

function plain(option: string): string {
  return option.replaceAll("_", "-");
}

let isRegretted = false;

// An answer that is lost makes a failure of what was asked.
function regretAnswer({ code, message }: NodeJS.ErrnoException): void {
  // A terminal that is closed says EIO.
  if (code === "EPIPE" || (code === "EIO" && process.stdout.isTTY) || isRegretted) return;
  isRegretted = true;
  say(`${paint("red", "error:")} can't write to stdout: ${message}`);
  process.once("exit", (exitCode) => {
    if (exitCode === EXIT.done) process.exitCode = EXIT.failed;
  });
}

/** Resolves when nobody reads our answers any more. */
export function unread(): Promise<void> {
  return new Promise((resolve) => process.stdout.once("error", () => resolve()));
}
