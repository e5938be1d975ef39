// Reads the time that --since names. Pure.
import { ZcontextError } from "../../src/errors.ts";

const UNITS_MS: { [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a time in the past: `90s`, `15m`, `1h` and `2d` ago, or a date, with or without a time, in ISO 8601. One without a
 * zone is local.
 *
 * @returns milliseconds since 1970.
 * @throws {ZcontextError} `ERR_USAGE`.
 */
export function readSince(text: string, nowMs: number): number {
  const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const sinceMs = unit === "" ? dateOf(text) : nowMs - Number(count) * (UNITS_MS[unit] as number);
  if (!Number.isFinite(sinceMs))
    throw new ZcontextError("ERR_USAGE", `--since: expected 90s, 15m, 1h, 2d or a time, got ${JSON.stringify(text)}`, {
      hint: "A time is written 2026-01-31T12:00 or, with its zone, 2026-01-31T12:00:00Z.",
    });
  if (sinceMs > nowMs) throw new ZcontextError("ERR_USAGE", `--since: ${text} is still to come`);
  return sinceMs;
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
