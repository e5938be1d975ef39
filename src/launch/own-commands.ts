// Which programs a message may have run: whoever reaches the port may start what the provider's own file runs, and
// nothing else. Decides; it runs and finds none. Pure.
import { quoteWord } from "../config/command.ts";
import type { Command, TaskServiceConfig } from "../config/context-config.ts";
import { shorten } from "../config/xml/problems.ts";
import { ZcontextError } from "../errors.ts";

/**
 * Takes a command only if one of the provider's own tasks, whichever, runs the same program with the same words.
 *
 * @param id - Of the task that is to run it, in the message.
 * @throws {ZcontextError} `ERR_LOCATION_FORBIDDEN`.
 */
export function assertOwnCommand(id: string, command: Command, ownTasks: readonly TaskServiceConfig[]): void {
  if (ownTasks.some((own) => own.command !== undefined && isSame(own.command, command))) return;
  const line = shorten(wordsOf(command).map(quoteWord).join(" "));
  throw new ZcontextError(
    "ERR_LOCATION_FORBIDDEN",
    `${id}: no task of the provider's own file has the command ${line}; write it there, or start a task by its id`,
  );
}

function isSame(one: Command, other: Command): boolean {
  const [words, otherWords] = [wordsOf(one), wordsOf(other)];
  return words.length === otherWords.length && words.every((word, index) => word === otherWords[index]);
}

function wordsOf({ program, words }: Command): string[] {
  return [program, ...words];
}
