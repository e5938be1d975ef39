// Reads values from an element by rules. A value that breaks its rule is added to the problems, and reading goes on. Pure.

import { didYouMean } from "../../suggest.ts";
import { childAt, type Element, textAt } from "./element.ts";
import { type Place, quote, type Reading } from "./problems.ts";

export interface TextRule {
  /** Completes "expected …". */
  expected: string;
  accepts: (value: string) => boolean;
  /** Words to suggest for one that is nearly right. */
  words?: readonly string[];
  /** It may be missing, and is then empty. */
  optional?: true;
}

export const ANY_TEXT: TextRule = { expected: "text", accepts: () => true, optional: true };
export const NOT_EMPTY: TextRule = { expected: "a text", accepts: (value) => value.trim() !== "" };

/** The name of a part, or the names that lead to it from the outside in: `["on_exit", "call"]`. */
export type Part = string | readonly string[];

/**
 * Reads the parts of one element by name and rule. Where a part has a problem, a placeholder is returned so that reading can
 * go on; the caller that began the reading discards the result.
 */
export class Reader {
  readonly element: Element;
  readonly reading: Reading;
  readonly #owner: string;

  /** @param owner - What the parts belong to, in problems: `TaskService ts001`. */
  constructor(element: Element, reading: Reading, owner = "") {
    this.element = element;
    this.reading = reading;
    this.#owner = owner;
  }

  /** The text of an attribute or of a child. `as` names the part in problems. */
  text(name: string, rule: TextRule, as: Part = name): string {
    const found = textAt(this.element, name);
    if (found === undefined && rule.optional) return "";
    if (found !== undefined && rule.accepts(found.value)) return found.value;
    const got = found === undefined ? "nothing" : quote(found.value) + didYouMean(found.value, rule.words ?? []);
    this.report(as, `expected ${rule.expected}, got ${got}`, found?.place);
    return "";
  }

  oneOf<Word extends string>(name: string, words: readonly [Word, ...Word[]], as: Part = name): Word {
    const expected = `one of ${words.join(", ")}`;
    const value = this.text(name, { expected, words, accepts: (given) => words.some((word) => word === given) }, as);
    return words.find((word) => word === value) ?? words[0];
  }

  /** A required child. Where it is missing, that is reported once, without a problem for each of its parts. */
  child(name: string): Reader {
    const found = childAt(this.element, name);
    if (found !== undefined) return this.at(found);
    this.report(name, "expected an element, got nothing");
    const nothing = { name, attributes: [], children: [], text: "", place: this.element.place };
    return new Reader(nothing, { ...this.reading, problems: [] }, this.#owner);
  }

  /** A reader for a child that was found before. */
  at(child: Element): Reader {
    return new Reader(child, this.reading, this.#owner);
  }

  /** Adds a problem with a part, at its attribute or child where it exists, else at the element. */
  report(part: Part, message: string, place?: Place): void {
    const found = typeof part === "string" ? textAt(this.element, part) : undefined;
    const where = place ?? found?.place ?? this.element.place;
    this.reading.problems.push({ place: where, owner: this.#owner, part: [part].flat(), message });
  }
}
