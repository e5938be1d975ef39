// Decides which programs a message may start: those that the provider's own file runs, and no others. Anyone who reaches the
// port can send a message. Pure.
import { quoteWord } from "../../config/command.ts";
import type { Command, TaskServiceConfig } from "../../config/context-config.ts";
import { shorten } from "../../config/xml/problems.ts";
import { ZcontextError } from "../../errors.ts";

/**
 * Accepts a command only if some task of the provider's own file runs the same program with the same words.
 *
 * @param id - Of the task in the message that is to run it.
 * @throws {ZcontextError} `ERR_LOCATION_FORBIDDEN`.
 */
export function assertAllowedCommand(id: string, command: Command, ownTasks: readonly TaskServiceConfig[]): void {
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
