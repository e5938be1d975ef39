// Reads values from an element by rules; what breaks one is added to the problems, and reading goes on. Pure.

import { didYouMean } from "../../suggest.ts";
import { childAt, type Element, partLabel, textAt } from "./element.ts";
import { type Place, quote, type Reading } from "./problems.ts";

export interface TextRule {
  /** Completes the sentence "expected …". */
  expected: string;
  accepts: (value: string) => boolean;
  /** The words worth suggesting for one that is nearly right. */
  words?: readonly string[];
  /** May be missing, and is then empty. */
  optional?: true;
}

export const ANY_TEXT: TextRule = { expected: "text", accepts: () => true, optional: true };
export const NOT_EMPTY: TextRule = { expected: "a text", accepts: (value) => value.trim() !== "" };

/**
 * Reads the parts of one element by name and rule. Problems gather in the reading; what is returned for a part that has
 * one only keeps the reader going, and whoever began the reading throws it away.
 */
export class Reader {
  readonly element: Element;
  readonly reading: Reading;
  readonly #owner: string;

  /** @param owner - Whose parts these are, in messages: `TaskService ts001`. */
  constructor(element: Element, reading: Reading, owner = "") {
    this.element = element;
    this.reading = reading;
    this.#owner = owner;
  }

  /** An attribute or a child's text. In messages it is called by name, or by what `as` makes of it: `on_exit call`. */
  text(name: string, rule: TextRule, as = name): string {
    const found = textAt(this.element, name);
    if (found === undefined && rule.optional) return "";
    if (found !== undefined && rule.accepts(found.value)) return found.value;
    const got = found === undefined ? "nothing" : quote(found.value) + didYouMean(found.value, rule.words ?? []);
    this.report(as, `expected ${rule.expected}, got ${got}`, found?.place);
    return "";
  }

  oneOf<Word extends string>(name: string, words: readonly [Word, ...Word[]], as = name): Word {
    const expected = `one of ${words.join(", ")}`;
    const value = this.text(name, { expected, words, accepts: (given) => words.some((word) => word === given) }, as);
    return words.find((word) => word === value) ?? words[0];
  }

  /** A child that must be there. One that is not is reported once, and what it would hold is not asked for as well. */
  child(name: string): Reader {
    const found = childAt(this.element, name);
    if (found !== undefined) return this.at(found);
    this.report(name, "expected an element, got nothing");
    const nothing = { name, attributes: [], children: [], text: "", place: this.element.place };
    return new Reader(nothing, { ...this.reading, problems: [] }, this.#owner);
  }

  /** A child that is at hand already. */
  at(child: Element): Reader {
    return new Reader(child, this.reading, this.#owner);
  }

  /** Adds a problem with a part: at its attribute or child where there is one, else at the element. */
  report(part: string, message: string, place?: Place): void {
    const where = place ?? textAt(this.element, part)?.place ?? this.element.place;
    this.reading.problems.push({ place: where, message: `${partLabel(this.#owner, part)}: ${message}` });
  }
}
