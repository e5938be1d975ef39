// The records of a provider's journal, and a line of text for each. A file may hold anything, so a line is believed
// only when its checksum and the shape of every field are right. Pure.
import { crc32 } from "node:zlib";
import type { ProcessIdentity } from "../../processes/stat.ts";
import { formatJson, isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import {
  anyObject,
  asAWhole,
  count,
  exactly,
  flag,
  guarded,
  id,
  listOf,
  literal,
  type Misfit,
  notNegative,
  numberThat,
  optional,
  read,
  tagged,
  text,
  textThat,
  type Variants,
  whole,
} from "../../protocol/schema.ts";
import { isTaskState, type TaskState } from "../../protocol/task-state.ts";
import type { Transition } from "../../protocol/transition.ts";

/** The first record of every journal. */
export interface Head {
  kind: "journal";
  version: 1;
  contextId: string;
  /** The boot that its monotonic times belong to; "" where the system has no id of it. */
  bootId: string;
  /** The highest of all records before this file was begun. */
  lastSequence: number;
  /** Of the model of the context; absent for the first one. */
  generation?: number | undefined;
  /** The process that writes here, until it has closed the journal; absent where the system can't identify one. */
  owner?: ProcessIdentity | undefined;
  /** Device and inode of this very file, which a copy of it does not have. */
  place?: string | undefined;
}

/** A transaction exists. A second record of it changes its name, and may say that it is whole. */
export interface Opened {
  kind: "opened";
  transaction: string;
  contextName: string;
  /** It has had every task of the provider's file: one that is added to the file belongs to it as well. */
  isWhole?: boolean | undefined;
}

/** A task service of a transaction. A second record of it replaces its definition. */
export interface Defined {
  kind: "defined";
  transaction: string;
  task: string;
  /** Its definition, where that came by message rather than from the provider's own file. */
  body?: JsonObject | undefined;
}

/** Where a task service stands: when this file was begun, or when what is wanted of it has changed and it has not moved. */
export interface Kept extends Remembered {
  kind: "kept";
  transaction: string;
  task: string;
}

/** A transition of a task service's lifecycle, and what a restarted provider needs to know of it besides. */
export interface Moved extends Transition {
  kind: "moved";
  /** It runs, or is to run. */
  isWanted: boolean;
  /** Its unexpected ends within the restart window, in monotonic milliseconds of this boot. */
  exits: readonly number[];
  monotonicMs: number;
}

/**
 * Another model of the context holds. In these transactions these tasks have the definition of the provider's own file from
 * now on, and those that are removed are not to be resumed. One record, so that a provider killed at any moment has left
 * the old model or the new one.
 */
export interface Applied {
  kind: "applied";
  generation: number;
  transactions: readonly string[];
  tasks: readonly string[];
  removed: readonly string[];
}

/** A transaction is over. Its last states are kept until another one is opened. */
export interface Ended {
  kind: "ended";
  transaction: string;
  time: string;
  /** A command has ended it. */
  isAsked: boolean;
}

/** The provider has exited in order, or has been told to begin afresh: nothing before this is to be resumed. */
export interface Left {
  kind: "left";
}

/** The owner writes no more, though its process may live on. */
export interface Closed {
  kind: "closed";
}

/** What a provider writes; the other kinds are the journal's own. */
export type JournalEntry = Opened | Defined | Kept | Moved | Applied | Ended | Left;
export type JournalRecord = Head | Closed | JournalEntry;

/** What is kept of the transitions of a task service. */
export interface Remembered {
  state: TaskState;
  runs: number;
  isWanted: boolean;
  exits: readonly number[];
  /** Why it stands there, and how its last process ended, as far as there is something to say. */
  reason?: string | undefined;
  code?: number | undefined;
  signal?: string | undefined;
  /** When that process ended. */
  exitTime?: string | undefined;
}

/** What is wrong, in one clause. */
export interface Fault {
  fault: string;
}

export const VERSION = 1;

/**
 * One line: a checksum and the record, pure ASCII.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for a body with something in it that JSON can't say.
 */
export function formatRecord(record: JournalRecord): string {
  const json = formatJson(record as unknown as Json, "line");
  return `${checksumOf(json)} ${json}\n`;
}

const LINE = /^([0-9a-f]{8}) ([ -~]*)$/;

/** Reads a line without its end. The fault completes a sentence that begins with "line 7". */
export function readRecord(line: string): JournalRecord | Fault {
  const [, checksum, json = ""] = LINE.exec(line) ?? [];
  if (checksum !== checksumOf(json)) return { fault: "does not match its checksum" };
  const value = parse(json);
  if (!isObject(value)) return { fault: "is no record" };
  const { value: record, misfit } = read(ANY_RECORD, value);
  if (misfit === undefined) return record;
  return {
    fault:
      misfit.field === "kind"
        ? `is of the unknown kind ${excerpt(misfit.came)}`
        : `is ${value.kind} ${clauseOf(misfit)}`,
  };
}

function clauseOf({ field, expected, came }: Misfit): string {
  if (expected === undefined) return `with the unknown field ${excerpt(field)}`;
  return came === undefined ? `without ${field}` : `with the ${field} ${excerpt(came)}`;
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, "0");
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json, refuseProto);
  } catch {
    return undefined;
  }
}

// An object that such a key is assigned to gets a new prototype.
function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__") throw new SyntaxError("the key is not allowed");
  return value;
}

/** A value for a message about it, cut to 40 characters. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const taskState = guarded(isTaskState, "a state");
const pid = numberThat((value) => Number.isSafeInteger(value) && value > 0, "a pid");
const ids = listOf(id, "a list of ids");
const times = listOf(notNegative, "a list of times");
const isoTime = textThat(
  (value) => /^\d{4}-\d\d-\d\dT[\d:.]{8,}Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  "a time",
);
const owner = asAWhole(exactly({ pid, startTicks: count }), "a pid and its start");

/** How each field of each kind must look. */
const RECORDS: Variants<JournalRecord, "kind"> = {
  journal: exactly({
    kind: literal("journal"),
    version: literal(VERSION),
    contextId: text,
    bootId: text,
    lastSequence: count,
    generation: optional(count),
    owner: optional(owner),
    place: optional(text),
  }),
  opened: exactly({ kind: literal("opened"), transaction: id, contextName: text, isWhole: optional(flag) }),
  defined: exactly({ kind: literal("defined"), transaction: id, task: id, body: optional(anyObject) }),
  kept: exactly({
    kind: literal("kept"),
    transaction: id,
    task: id,
    state: taskState,
    runs: count,
    isWanted: flag,
    exits: times,
    reason: optional(text),
    code: optional(whole),
    signal: optional(id),
    exitTime: optional(isoTime),
  }),
  moved: exactly({
    kind: literal("moved"),
    transaction: id,
    task: id,
    sequence: count,
    from: taskState,
    to: taskState,
    event: id,
    cause: optional(text),
    reason: optional(text),
    run: count,
    pid: optional(pid),
    code: optional(whole),
    signal: optional(id),
    isWanted: flag,
    exits: times,
    time: isoTime,
    monotonicMs: notNegative,
  }),
  applied: exactly({ kind: literal("applied"), generation: count, transactions: ids, tasks: ids, removed: ids }),
  ended: exactly({ kind: literal("ended"), transaction: id, time: isoTime, isAsked: flag }),
  left: exactly({ kind: literal("left") }),
  closed: exactly({ kind: literal("closed") }),
};

const ANY_RECORD = tagged<JournalRecord>("kind", RECORDS);
