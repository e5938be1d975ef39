// Numbers as a context file writes them: decimal, without sign or exponent where there is no need for one. Pure.
import type { Reader, TextRule } from "./reader.ts";

interface Range {
  min: number;
  max: number;
}

/** Reads seconds, with decimals or without, as milliseconds; not a number where they are none. */
export function readSeconds(reader: Reader, name: string, range: Range): number {
  return Math.round(readBy(reader, name, secondsRule(range)) * 1_000);
}

/** Reads seconds of which 0 means "not at all", as milliseconds. */
export function readSecondsOrNone(reader: Reader, name: string, range: Range): number {
  const { expected, accepts } = secondsRule(range);
  const isZero = (value: string) => DECIMAL.test(value) && Number(value) === 0;
  const rule = { expected: `0 or ${expected}`, accepts: (value: string) => isZero(value) || accepts(value) };
  return Math.round(readBy(reader, name, rule) * 1_000);
}

/** Reads a number above 0, with decimals or without. */
export function readPositive(reader: Reader, name: string, max: number): number {
  return readBy(reader, name, {
    expected: `a number above 0, up to ${max}`,
    accepts: (value) => DECIMAL.test(value) && Number(value) > 0 && Number(value) <= max,
  });
}

/** Reads a whole number, which may be negative where the range says so. */
export function readWhole(reader: Reader, name: string, range: Range): number {
  return readBy(reader, name, {
    expected: `a whole number from ${range.min} to ${range.max}`,
    accepts: (value) => /^(?:0|-?[1-9]\d*)$/.test(value) && isWithin(range, value),
  });
}

const DECIMAL = /^\d+(\.\d+)?$/;

function secondsRule(range: Range): TextRule {
  return {
    expected: `a number of seconds from ${range.min} to ${range.max}`,
    accepts: (value) => DECIMAL.test(value) && isWithin(range, value),
  };
}

function isWithin({ min, max }: Range, value: string): boolean {
  return Number(value) >= min && Number(value) <= max;
}

// What compares with nothing causes no second problem.
function readBy(reader: Reader, name: string, rule: TextRule): number {
  const value = reader.text(name, rule);
  return value === "" ? Number.NaN : Number(value);
}
