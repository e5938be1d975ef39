// How a task tells level and fields of a line that it logs: in a control string before the text, on the stream that it
// prints to, so that order and back pressure are those of all that it prints. A terminal shows
// nothing of it. Pure.
import { asAscii, isObject, type JsonObject } from "./json.ts";

export const SAID_LEVELS = ["debug", "info", "warn", "error"] as const;
export type SaidLevel = (typeof SAID_LEVELS)[number];

/** What a line is logged with. */
export interface Said {
  level: SaidLevel;
  fields?: { readonly [name: string]: unknown } | undefined;
}

const INTRODUCER = "\u{1b}_zcontext ";
const END = "\u{1b}\\";
/** Fields that take more than this are left out, in characters: the line must stay one. */
const MOST = 16 * 1024;

/** The text with its level before each line, and its fields before the first. */
export function sayWith(text: string, { level, fields }: Said): string {
  const plain = markOf({ level });
  const first = fields === undefined ? plain : markOf({ level, fields });
  return text
    .split("\n")
    .map((line, index) => (index === 0 ? first : plain) + line)
    .join("\n");
}

function markOf(said: Said): string {
  const json = asAscii(jsonOf(said)).replaceAll("\u007f", "\\u007f");
  return `${INTRODUCER}${json}${END}`;
}

function jsonOf({ level, fields }: Said): string {
  try {
    const json = JSON.stringify({ level, fields });
    return json.length <= MOST ? json : JSON.stringify({ level, fields: { fields_left_out: "too long" } });
  } catch {
    // A cycle, or a BigInt: the text is worth more than its fields.
    return JSON.stringify({ level, fields: { fields_left_out: "not JSON" } });
  }
}

/** What a printed line is logged with; nothing where that is not said, or not as it should be. */
export function readSaid(printed: string): { level?: SaidLevel; fields?: JsonObject } {
  if (!printed.startsWith(INTRODUCER)) return {};
  const end = printed.indexOf(END);
  const said = end < 0 ? undefined : parse(printed.slice(INTRODUCER.length, end));
  const level = SAID_LEVELS.find((known) => known === said?.level);
  if (level === undefined) return {};
  return { level, ...(isObject(said?.fields) && Object.keys(said.fields).length > 0 && { fields: said.fields }) };
}

function parse(json: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
