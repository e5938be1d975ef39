// What a history says: its records, and a line of text for each. A file may hold anything, so a line is believed
// only when every field has its shape. A kind that is not known is passed over: a later version may have more of them.
// Pure.
import { isObject, type Json, type JsonObject } from "../protocol/json.ts";
import { pickTransition, type Transition } from "../protocol/transition.ts";
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
  const value = parse(line);
  if (!isObject(value) || typeof value.kind !== "string" || !Object.hasOwn(READERS, value.kind)) return undefined;
  return READERS[value.kind as HistoryRecord["kind"]](value);
}

/** When it was written; in milliseconds since 1970. */
export function timeOf(record: HistoryRecord): number {
  return record.kind === "transition" ? Date.parse(record.time) : record.atMs;
}

function parse(line: string): Json | undefined {
  try {
    return JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
}

type Shape = (value: Json | undefined) => boolean;

const isText: Shape = (value) => typeof value === "string";
// A number of JSON may be too long for one of ours.
const isNumber: Shape = (value) => Number.isFinite(value);
const isCount: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isMoment: Shape = (value) => isNumber(value) && Math.abs(value as number) <= 8.64e15;
const isTime: Shape = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const isEvent: Shape = (value) => EVENTS.some((event) => event === value);
const optional =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined || shape(value);
const pairs =
  (first: Shape, second: Shape): Shape =>
  (value) =>
    isObject(value) &&
    Object.values(value).every((pair) => Array.isArray(pair) && pair.length === 2 && first(pair[0]) && second(pair[1]));

const FIGURES = { transaction: isText, atMs: isMoment, tasks: pairs(isNumber, isNumber) };
const STATES = { transaction: isText, atMs: isMoment, tasks: pairs(isText, isCount) };
const PROVIDER = { event: isEvent, atMs: isMoment, incarnation: isText, pid: isCount, version: isText };
const TRANSITION = {
  ...{ transaction: isText, task: isText, sequence: isCount, from: isText, to: isText, event: isText, run: isCount },
  ...{ cause: optional(isText), reason: optional(isText), signal: optional(isText) },
  ...{ pid: optional(isCount), code: optional(isNumber), time: isTime },
};

// The shapes stand for the casts.
const READERS: { [kind in HistoryRecord["kind"]]: (value: JsonObject) => HistoryRecord | undefined } = {
  figures: (value) => (has(value, FIGURES) ? (picked(value, FIGURES) as unknown as FiguresRecord) : undefined),
  states: (value) => (has(value, STATES) ? (picked(value, STATES) as unknown as StatesRecord) : undefined),
  provider: (value) => (has(value, PROVIDER) ? (picked(value, PROVIDER) as unknown as ProviderRecord) : undefined),
  transition: (value) =>
    has(value, TRANSITION)
      ? { kind: "transition", ...pickTransition(value as unknown as Transition<string>) }
      : undefined,
};

function has(value: JsonObject, shapes: { [name: string]: Shape }): boolean {
  return Object.entries(shapes).every(([name, shape]) => shape(value[name]));
}

function picked(value: JsonObject, shapes: { [name: string]: Shape }): JsonObject {
  return Object.fromEntries(["kind", ...Object.keys(shapes)].map((name) => [name, value[name]]));
}
