// JSON as it travels: its types, and a writer whose output the original's parsers take. Pure.
import { ZcontextError } from "../errors.ts";

/** Anything JSON can say. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A member that is looked up by a name from outside, such as the id of a task. That may be `constructor` or another name
 * that every object inherits.
 */
export function ownMember<Value>(object: { readonly [name: string]: Value }, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * `indented`: keys sorted, four spaces a level, as commands, announcements and queries travel.
 * `line`: keys as they come, one line, `, ` and `: ` between, as figures, overviews and transitions travel.
 * `compact`: keys as they come, no white space, as all else travels.
 */
export type JsonStyle = "indented" | "line" | "compact";

/**
 * Writes JSON; `indented` and `line` as the original's `json.dumps` does, byte for byte, except that a whole float has no
 * `.0`. The result is pure ASCII. What JavaScript has and JSON has not becomes what `JSON.stringify` makes of it: `undefined` members are
 * left out, in an array they become `null`, as NaN and infinities do; a date becomes its text.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for what would be lost in silence, such as a function.
 */
export function formatJson(value: Json, style: JsonStyle): string {
  if (style === "compact") return formatCompact(value);
  const said = spoken(value, "");
  return style === "line" ? formatLine(said) : formatIndented(said, "\n");
}

function formatIndented(value: Spoken, newline: string): string {
  if (typeof value !== "object" || value === null) return formatScalar(value);
  const inner = `${newline}    `;
  const [open, items, close] = Array.isArray(value)
    ? (["[", elements(value).map((item) => formatIndented(item, inner)), "]"] as const)
    : ([
        "{",
        members(value)
          .sort(byCodePoint)
          .map(([key, item]) => `${formatText(key)}: ${formatIndented(item, inner)}`),
        "}",
      ] as const);
  return items.length === 0 ? open + close : open + inner + items.join(`,${inner}`) + newline + close;
}

function formatLine(value: Spoken): string {
  if (typeof value !== "object" || value === null) return formatScalar(value);
  if (Array.isArray(value)) return `[${elements(value).map(formatLine).join(", ")}]`;
  return `{${members(value)
    .map(([key, item]) => `${formatText(key)}: ${formatLine(item)}`)
    .join(", ")}}`;
}

// Several times as fast as the writers above, for what services tell each other.
function formatCompact(value: Json): string {
  assertSpeakable(spoken(value, ""));
  return asAscii(JSON.stringify(value));
}

/** Refuses what `JSON.stringify` would leave out. */
function assertSpeakable(value: Spoken): void {
  if (typeof value === "string" || typeof value === "number") return;
  if (typeof value !== "object" || value === null) formatScalar(value);
  else if (Array.isArray(value)) for (const item of elements(value)) assertSpeakable(item);
  else {
    for (const key of Object.keys(value)) {
      const item = spoken(value[key], key);
      if (item !== undefined) assertSpeakable(item);
    }
  }
}

/** A value whose `toJSON` has been called; those of its members have not yet. */
type Spoken = Json | undefined;

// A copy of each announcement goes through the pipe, written by JSON.stringify: both must be the same.
function spoken(value: Json | undefined, key: string): Spoken {
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(value, key) : value;
}

// A gap is an element as well.
function elements(array: Json[]): Spoken[] {
  return Array.from(array, (item, index) => spoken(item, `${index}`) ?? null);
}

function members(object: JsonObject): [string, Json][] {
  return Object.entries(object)
    .map(([key, item]) => [key, spoken(item, key)] as const)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined);
}

// JavaScript may pass what the type forbids.
function formatScalar(value: string | number | boolean | null | undefined): string {
  if (typeof value === "string") return formatText(value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return JSON.stringify(value);
  const got = `${typeof value} ${String(value).slice(0, 40)}`;
  throw new ZcontextError("ERR_MESSAGE_MALFORMED", `expected a value that JSON can say, got ${got}`);
}

const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[\u007f-\uffff]/g;

function formatText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : asAscii(JSON.stringify(text));
}

/** The same JSON in ASCII, so that no control sequence in it reaches a terminal. */
export function asAscii(json: string): string {
  return json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// Python sorts by code point, JavaScript by UTF-16 unit: they differ where a surrogate meets U+E000 to U+FFFF.
function byCodePoint([a]: [string, Json], [b]: [string, Json]): number {
  let index = 0;
  while (index < a.length && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  // Two that differ in the second half of a pair differ in the whole of it.
  if (index > 0 && (isPairAt(a, index - 1) || isPairAt(b, index - 1))) index -= 1;
  return (a.codePointAt(index) ?? -1) - (b.codePointAt(index) ?? -1);
}

function isPairAt(text: string, index: number): boolean {
  return (text.codePointAt(index) ?? 0) > 0xffff;
}
