// What the log files of a context say: a JSON object a line, for each line that a task has printed, and for each gap where
// lines were lost. A file may hold anything, so a line is believed only when every field has its shape. Pure.

import type { JsonObject } from "../protocol/json.ts";
import { SAID_LEVELS, type SaidLevel } from "../protocol/said.ts";
import { anyObject, count, object, oneOf, optional, read, type Schema, text, textThat } from "../protocol/schema.ts";

/** A line that a task has printed. */
export interface LineRecord {
  /** When it was read, as `toISOString()` writes it. */
  time: string;
  task: string;
  transaction: string;
  /** The run of the task, from 1. */
  run: number;
  stream: "stdout" | "stderr";
  /** What the task has logged it with; absent where it has printed it by other means. */
  level?: SaidLevel | undefined;
  /** As a person reads it, without colours. */
  line: string;
  fields?: JsonObject | undefined;
}

/** Lines of a task that are not in the file, and why. */
export interface GapRecord {
  time: string;
  task: string;
  lost: number;
  reason: string;
}

export type LogRecord = LineRecord | GapRecord;

/** A line of a file is no longer than this, in bytes: what a task prints is cut into pieces, which JSON may escape. */
export const MAX_LINE_BYTES = 512 * 1024;

const time = textThat(
  (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  "a time",
);

const LINE: Schema<LineRecord> = object({
  time,
  task: text,
  transaction: text,
  run: count,
  stream: oneOf(["stdout", "stderr"]),
  level: optional(oneOf(SAID_LEVELS)),
  line: text,
  fields: optional(anyObject),
});
const GAP: Schema<GapRecord> = object({ time, task: text, lost: count, reason: text });

/** The record as a line with its end. */
export function formatRecord(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Reads a line without its end; undefined for one that is no record. */
export function readRecord(line: string): LogRecord | undefined {
  const value = parse(line);
  return read(LINE, value).value ?? read(GAP, value).value;
}

export function isGap(record: LogRecord): record is GapRecord {
  return "lost" in record;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
