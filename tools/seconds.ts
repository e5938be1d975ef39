// Seconds as options give them.
import { InvalidArgumentError } from "commander";

/** About the longest time that a timer of Node can have. */
const MAX_SECONDS = 2_000_000;

/** @throws {InvalidArgumentError} For what is no number above 0, or too long for a timer. */
export function readSeconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError(`expected seconds, more than 0 and at most ${MAX_SECONDS}`);
}
