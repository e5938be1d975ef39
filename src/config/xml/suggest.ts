// Finds the known word that a mistyped one probably meant. Pure.
import { distance } from "fastest-levenshtein";

/** Longer words are not mistyped but made; comparing two of them would take the product of their lengths. */
const MAX_LENGTH = 128;

/**
 * The known word that was probably meant: at most a third of its letters differ, upper and lower case count the same,
 * and no other word is as near. Of `ts001` and `ts002` neither is the one that `ts009` meant.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const [best, second] = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.floor(candidate.length / 3)) && edits < word.length)
    .toSorted((one, other) => one.edits - other.edits);
  return best?.edits === second?.edits ? undefined : best?.candidate;
}

/** `; did you mean "on_start"?`, or nothing where no known word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}
