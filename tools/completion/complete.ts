// Answers a shell what fits where the cursor is: a line for each word, with a tab before what it means, and `:files` or
// `:folders` where the shell knows more. Whatever is wrong, it prints less, and fails in silence.
import type { Command } from "commander";
import { answer, EXIT } from "../print.ts";
import { expectedAt, fitting } from "./expected.ts";
import { liveCandidates } from "./live.ts";
import { SCRIPTS, type Shell } from "./scripts.ts";

/** Prints the script of a shell; answers the exit code. */
export function printScript(shell: Shell): number {
  answer(SCRIPTS[shell]);
  return EXIT.done;
}

/** @param words - After the name of the program, the last one up to the cursor. */
export async function complete(program: Command, words: readonly string[]): Promise<number> {
  const { candidates, kind, partial, prefix, given } = expectedAt(program, words);
  const live = await liveCandidates(kind, given).catch(() => []);
  for (const { value, description } of [...candidates, ...fitting(live, partial)])
    answer(`${prefix}${value}\t${description.replace(/\s+/g, " ")}`);
  if (kind === "context" || kind === "file") answer(":files");
  if (kind === "folder") answer(":folders");
  return EXIT.done;
}
