// Reads the times that --since and --until name. Pure.
import { ZcontextError } from "../src/errors.ts";

const UNITS_MS: { [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a time in the past: `90s`, `15m`, `1h` and `2d` ago, `today` and `yesterday` from their beginning, the last `14:30`,
 * or a date, with or without a time, in ISO 8601. One without a zone is local.
 *
 * @returns milliseconds since 1970.
 * @throws {ZcontextError} `ERR_USAGE`.
 */
export function readSince(text: string, nowMs: number, option = "--since"): number {
  const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const sinceMs =
    unit === "" ? (dayOf(text, nowMs) ?? dateOf(text)) : nowMs - Number(count) * (UNITS_MS[unit] as number);
  if (!Number.isFinite(sinceMs))
    throw new ZcontextError(
      "ERR_USAGE",
      `${option}: expected 90s, 15m, 1h, 2d, yesterday or a time, got ${JSON.stringify(text)}`,
      { hint: "A time is written 14:30, 2026-01-31T12:00 or, with its zone, 2026-01-31T12:00:00Z." },
    );
  if (sinceMs > nowMs) throw new ZcontextError("ERR_USAGE", `${option}: ${text} is still to come`);
  return sinceMs;
}

/** The beginning of a day that a word names, or the last time that clocks have shown this. */
function dayOf(text: string, nowMs: number): number | undefined {
  const day = new Date(nowMs);
  const [, hours, minutes, seconds = "0"] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) ?? [];
  if (hours !== undefined) {
    day.setHours(Number(hours), Number(minutes), Number(seconds), 0);
    // Not so many milliseconds earlier: that day may have been longer.
    if (day.getTime() > nowMs) day.setDate(day.getDate() - 1);
    return day.getTime();
  }
  if (text !== "today" && text !== "yesterday") return undefined;
  day.setHours(0, 0, 0, 0);
  if (text === "yesterday") day.setDate(day.getDate() - 1);
  return day.getTime();
}

function dateOf(text: string): number {
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return Number.NaN;
  // JavaScript reads a date alone as UTC.
  return Date.parse(text.length === 10 ? `${text}T00:00` : text);
}

/** JavaScript reads the 30th of February as the 2nd of March. */
function isDay(day: string): boolean {
  const atMs = Date.parse(`${day}T00:00Z`);
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(day);
}
