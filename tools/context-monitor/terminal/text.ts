// Text for a terminal: makes text from outside harmless, cuts and fills it to a width, draws sparklines, formats times.
// Pure.
import { stripVTControlCharacters } from "node:util";
import widthOf from "fast-string-width";
import type { Json, JsonObject } from "../../../src/protocol/json.ts";

// Moves the cursor, colours, rings the bell, or changes the direction of writing: text from outside may do none of it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g;
const PLAIN = /^[ -~]*$/;
const graphemes = new Intl.Segmenter();

/** Text from outside without escape sequences and control characters, on one line. */
export function clean(text: string): string {
  return PLAIN.test(text) ? text : stripVTControlCharacters(text).replace(UNPRINTABLE, " ");
}

/** How many columns it takes. */
export function columnsOf(text: string): number {
  return PLAIN.test(text) ? text.length : widthOf(text);
}

/** As many columns as that, cut with an ellipsis or filled with spaces. */
export function fill(text: string, columns: number, { isRight = false, ellipsis = "…" } = {}): string {
  const shown = cut(text, columns, ellipsis);
  const gap = " ".repeat(Math.max(0, columns - columnsOf(shown)));
  return isRight ? gap + shown : shown + gap;
}

/** At most as many columns as that. */
export function cut(text: string, columns: number, ellipsis = "…"): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 2) return columns === 1 ? ellipsis.slice(0, 1) : "";
  const room = columns - ellipsis.length;
  let shown = "";
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    taken += columnsOf(segment);
    if (taken > room) break;
    shown += segment;
  }
  return shown + ellipsis;
}

/** The text in parts of at most so many columns. */
export function broken(text: string, columns: number): string[] {
  if (columnsOf(text) <= columns) return [text];
  const parts: string[] = [];
  let part = "";
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    const width = columnsOf(segment);
    if (taken + width > columns && part !== "") {
      parts.push(part);
      part = "";
      taken = 0;
    }
    part += segment;
    taken += width;
  }
  return [...parts, part];
}

/** Members of an object as `count=3 name=x`. */
export function itemsText(items: JsonObject): string {
  const shown = Object.entries(items).filter(([, value]) => value !== undefined);
  return shown.map(([name, value]) => `${clean(name)}=${valueText(value)}`).join(" ");
}

/** A value as readers see it. */
export function valueText(value: Json | undefined): string {
  return clean(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

const BLOCKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const STEPS = [".", ":", "-", "=", "+", "*", "#", "@"];

export interface Scale {
  from: number;
  to: number;
}

/** The last values, one column each, newest at the right; a gap where there was none. */
export function sparkline(
  values: readonly (number | undefined)[],
  columns: number,
  { scale, isUnicode }: { scale: Scale; isUnicode: boolean },
): string {
  const levels = isUnicode ? BLOCKS : STEPS;
  const share = (value: number) => (value - scale.from) / (scale.to - scale.from || 1);
  const level = (value: number) => Math.min(levels.length - 1, Math.max(0, Math.floor(share(value) * levels.length)));
  const shown = values.slice(-columns).map((value) => (value === undefined ? " " : levels[level(value)]));
  return shown.join("").padStart(columns);
}

/** From 0 to the highest, and at least a tenth of a core: idling must not look like work. */
export function cpuScale(values: readonly (number | undefined)[]): Scale {
  return { from: 0, to: Math.max(10, ...known(values)) };
}

/** From the lowest to the highest, and at least a tenth of the lowest wide: a steady size must look steady. */
export function memoryScale(values: readonly (number | undefined)[]): Scale {
  const [low, high] = [Math.min(...known(values)), Math.max(...known(values))];
  return { from: low, to: Math.max(high, low * 1.1, low + 1) };
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

/** `42s`, `5m03s`, `3h05m`, `12d03h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${two(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor(whole / 3_600) % 24)}h`;
}

/** `12:04:31`, in local time. */
export function timeOfDay(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}

/** Whether a terminal of this environment shows more than ASCII. */
export function speaksUnicode({ LC_ALL, LC_CTYPE, LANG, TERM }: NodeJS.ProcessEnv): boolean {
  // The font of the Linux console has 256 characters, which lack most of the symbols.
  return TERM !== "linux" && /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}
