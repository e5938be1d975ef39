// What a history says: its records, and a line of text for each. A file may hold anything, so a line is believed
// only when every field has its shape. A kind that is not known is passed over: a later version may have more of them.
// Pure.
import {
  count,
  dictionaryOf,
  finite,
  literal,
  numberThat,
  object,
  oneOf,
  pairOf,
  read,
  tagged,
  text,
  type Variants,
} from "../protocol/schema.ts";
import { KEPT_TRANSITION, type Transition } from "../protocol/transition.ts";
import type { Figures } from "./figures.ts";

export interface FiguresRecord extends Figures {
  kind: "figures";
}

/** Its states may be those of a later version. */
export interface TransitionRecord extends Transition<string> {
  kind: "transition";
}

/** The states of all tasks of a transaction; recorded now and then, so that a reader need not begin at the start. */
export interface StatesRecord {
  kind: "states";
  transaction: string;
  atMs: number;
  tasks: { readonly [task: string]: readonly [state: string, runs: number] };
}

/** A provider begins to write, runs, which is recorded once a minute, or ends; a killed one records no end. */
export interface ProviderRecord {
  kind: "provider";
  event: (typeof EVENTS)[number];
  atMs: number;
  /** Tells one process of a provider from the next. */
  incarnation: string;
  pid: number;
  version: string;
}

const EVENTS = ["begin", "runs", "end"] as const;

export type HistoryRecord = FiguresRecord | TransitionRecord | StatesRecord | ProviderRecord;

/** A line is no longer than this, in characters; a figure of each of some ten thousand tasks. */
export const MAX_LINE_LENGTH = 512 * 1_024;

/** The record as a line with its end. */
export function formatRecord({ kind, ...fields }: HistoryRecord): string {
  return `${JSON.stringify({ kind, ...fields })}\n`;
}

/** Reads a line without its end; undefined for one that is no record, or of a kind that we don't know. */
export function readRecord(line: string): HistoryRecord | undefined {
  return read(ANY_RECORD, parse(line)).value;
}

/** When it was written; in milliseconds since 1970. */
export function timeOf(record: HistoryRecord): number {
  return record.kind === "transition" ? Date.parse(record.time) : record.atMs;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const atMs = numberThat((value) => Math.abs(value) <= 8.64e15, "a moment");

const RECORDS: Variants<HistoryRecord, "kind"> = {
  figures: object({
    kind: literal("figures"),
    transaction: text,
    atMs,
    tasks: dictionaryOf(pairOf(finite, finite), "figures by task"),
  }),
  states: object({
    kind: literal("states"),
    transaction: text,
    atMs,
    tasks: dictionaryOf(pairOf(text, count), "states by task"),
  }),
  provider: object({
    kind: literal("provider"),
    event: oneOf(EVENTS),
    atMs,
    incarnation: text,
    pid: count,
    version: text,
  }),
  transition: object({ kind: literal("transition"), ...KEPT_TRANSITION }),
};

const ANY_RECORD = tagged<HistoryRecord>("kind", RECORDS);
