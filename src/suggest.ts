// Finds the known word that a mistyped one probably meant. Pure.
import { distance } from "fastest-levenshtein";

/** Longer words are generated rather than typed, and comparing two of them costs the product of their lengths. */
const MAX_LENGTH = 128;

/**
 * The known word that was probably meant: at most a third of its letters differ, upper and lower case count the same, and
 * no other word is as near. For `ts009` neither `ts001` nor `ts002` is suggested.
 *
 * @param maxEdits - Lowers the limit of a third to so many letters.
 */
export function nearest(
  word: string,
  known: readonly string[],
  maxEdits = Number.POSITIVE_INFINITY,
): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const limitOf = (candidate: string) => Math.min(maxEdits, Math.max(1, Math.floor(candidate.length / 3)));
  const [best, second] = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= limitOf(candidate) && edits < word.length)
    .toSorted((one, other) => one.edits - other.edits);
  return best?.edits === second?.edits ? undefined : best?.candidate;
}

/** `; did you mean "on_start"?`, or nothing where no known word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}
