// Decides whether a topic is a command topic with a slip of the keyboard. Users publish on topics of their own, so the
// rule is narrow: `progress` is not a mistyped `process`. Pure.
import { nearest } from "../suggest.ts";

/**
 * The command topic that was meant by one that differs in a single letter, in upper and lower case, or in the order of two
 * neighbouring letters. Undefined where none is that near, or several are.
 */
export function mistypedTopic(topic: string, commandTopics: readonly string[]): string | undefined {
  // `sensor2` is the next one of a series, not a mistyped `sensor1`.
  const candidates = commandTopics.filter((candidate) => withoutDigits(candidate) !== withoutDigits(topic));
  return candidates.find((candidate) => isTransposed(topic, candidate)) ?? nearest(topic, candidates, 1);
}

function withoutDigits(topic: string): string {
  return topic.replace(/\d+/g, "");
}

/** Whether two words differ by two neighbouring letters that have changed places. */
function isTransposed(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, index) => letter !== other[index]);
  const swapped = one.slice(0, at) + one.charAt(at + 1) + one.charAt(at) + one.slice(at + 2);
  return at >= 0 && swapped === other;
}
