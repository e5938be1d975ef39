import { ContextError } from "../errors.ts";

/** Anything JSON can say. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * `indented`: keys sorted, four spaces a level, as every topic but `monitor` travels.
 * `line`: keys as they come, one line, `, ` and `: ` between, as `monitor` travels.
 */
export type JsonStyle = "indented" | "line";

/**
 * Writes JSON as the original's `json.dumps` does, byte for byte, except that a whole float has no `.0`.
 * The result is pure ASCII. `undefined` members are left out; NaN and infinities become `null`; a date becomes its text.
 *
 * @throws {ContextError} `ERR_MESSAGE_MALFORMED` for what JSON can't say, such as a function.
 */
export function formatJson(value: Json, style: JsonStyle): string {
  return style === "line" ? formatLine(value) : formatIndented(value, "\n");
}

function formatIndented(value: Json, newline: string): string {
  if (typeof value !== "object" || value === null) return formatScalar(value);
  if (speaksForItself(value)) return formatIndented(value.toJSON(), newline);
  const inner = `${newline}    `;
  const [open, items, close] = Array.isArray(value)
    ? (["[", value.map((item) => formatIndented(item, inner)), "]"] as const)
    : ([
        "{",
        members(value)
          .sort(byCodePoint)
          .map(([key, item]) => `${formatText(key)}: ${formatIndented(item, inner)}`),
        "}",
      ] as const);
  return items.length === 0 ? open + close : open + inner + items.join(`,${inner}`) + newline + close;
}

function formatLine(value: Json): string {
  if (typeof value !== "object" || value === null) return formatScalar(value);
  if (speaksForItself(value)) return formatLine(value.toJSON());
  if (Array.isArray(value)) return `[${value.map(formatLine).join(", ")}]`;
  return `{${members(value)
    .map(([key, item]) => `${formatText(key)}: ${formatLine(item)}`)
    .join(", ")}}`;
}

function members(object: JsonObject): [string, Json][] {
  return Object.entries(object).filter((entry): entry is [string, Json] => entry[1] !== undefined);
}

// A copy of each announcement takes the pipe, written by JSON.stringify: both must say the same.
function speaksForItself(value: object): value is { toJSON(): Json } {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}

// JavaScript hands over what the type forbids.
function formatScalar(value: string | number | boolean | null): string {
  if (typeof value === "string") return formatText(value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return JSON.stringify(value);
  const got = `${typeof value} ${String(value).slice(0, 40)}`;
  throw new ContextError("ERR_MESSAGE_MALFORMED", `expected a value that JSON can say, got ${got}`);
}

const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[\u007f-\uffff]/g;

function formatText(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
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
