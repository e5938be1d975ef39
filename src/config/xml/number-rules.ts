// Reads the numbers of a context file: decimal, without exponent, and with a sign only where negative ones are valid. Pure.
import type { Reader, TextRule } from "./reader.ts";

interface Range {
  min: number;
  max: number;
}

/** Reads seconds, with or without decimals, as milliseconds; NaN where the value has a problem. */
export function readSeconds(reader: Reader, name: string, range: Range): number {
  return Math.round(readBy(reader, name, secondsRule(range)) * 1_000);
}

/** Reads seconds as milliseconds; 0, for "not at all", is valid whatever the range. */
export function readSecondsOrNone(reader: Reader, name: string, range: Range): number {
  const { expected, accepts } = secondsRule(range);
  const isZero = (value: string) => DECIMAL.test(value) && Number(value) === 0;
  const rule = { expected: `0 or ${expected}`, accepts: (value: string) => isZero(value) || accepts(value) };
  return Math.round(readBy(reader, name, rule) * 1_000);
}

/** Reads a number above 0, with or without decimals. */
export function readPositive(reader: Reader, name: string, max: number): number {
  return readBy(reader, name, {
    expected: `a number above 0, up to ${max}`,
    accepts: (value) => DECIMAL.test(value) && Number(value) > 0 && Number(value) <= max,
  });
}

/** Reads a whole number, negative ones included where the range has them. */
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

// NaN fails every comparison, so a value with a problem causes no second one.
function readBy(reader: Reader, name: string, rule: TextRule): number {
  const value = reader.text(name, rule);
  return value === "" ? Number.NaN : Number(value);
}
