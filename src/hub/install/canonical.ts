// The one form of a JSON value that is signed: RFC 8785, JSON Canonicalization Scheme. Numbers and strings are written as
// ECMAScript writes them, and keys are sorted by UTF-16 code units, which is the order of JavaScript's own sort. Pure.
import { isObject } from "../../protocol/json.ts";

/**
 * The canonical text of a value that was read from JSON.
 *
 * @throws {TypeError} for what JSON has no canonical form of: half a surrogate pair, a number that is not finite.
 */
export function canonicalize(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(",")}]`;
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${canonicalize(key)}:${canonicalize(value[key])}`).join(",")}}`;
  }
  if (typeof value === "string" && !isWellFormed(value)) throw new TypeError("half a surrogate pair in a string");
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`a number that is ${value}`);
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`expected a value of JSON, got ${typeof value}`);
  return text;
}

// With the flag `u` a pair is one character, and only half of one is a surrogate.
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
