// What the journal of a provider says: its records, and a line of text for each. A file may hold anything, so a line
// is believed only when its checksum and the shape of every field are right. Pure.
import { crc32 } from "node:zlib";
import type { ProcessIdentity } from "../../processes/stat.ts";
import { formatJson, isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { isTaskState, type TaskState } from "../../protocol/task-state.ts";
import type { Transition } from "../../protocol/transition.ts";

/** The first record of every journal. */
export interface Head {
  kind: "journal";
  version: 1;
  contextId: string;
  /** The boot its monotonic times belong to; "" where the system has none to tell. */
  bootId: string;
  /** Of all records before this file was begun. */
  lastSequence: number;
  /** The process that writes here, until it has closed the journal; absent where the system tells none from another. */
  owner?: ProcessIdentity | undefined;
}

/** A transaction is there; once more, and nothing but its name changes. */
export interface Opened {
  kind: "opened";
  transaction: string;
  contextName: string;
}

/** A task service of a transaction; once more, and its definition is replaced. */
export interface Defined {
  kind: "defined";
  transaction: string;
  task: string;
  /** Its definition, where that came by message and is not of the provider's own file. */
  body?: JsonObject | undefined;
}

/** Where a task service stood when this file was begun. */
export interface Kept extends Remembered {
  kind: "kept";
  transaction: string;
  task: string;
}

/** A transition of a task service's lifecycle, and what a restarted provider needs to know of it besides. */
export interface Moved extends Omit<Transition, "reason"> {
  kind: "moved";
  /** It runs, or is to run. */
  isWanted: boolean;
  /** Its unexpected ends within the restart window, in monotonic milliseconds of this boot. */
  exits: readonly number[];
  monotonicMs: number;
}

export interface Ended {
  kind: "ended";
  transaction: string;
}

/** The provider has left in order, or has been told to begin afresh: nothing that came before is to be resumed. */
export interface Left {
  kind: "left";
}

/** Whoever wrote here does so no more, though its process may live on. */
export interface Closed {
  kind: "closed";
}

/** What a provider writes; the other kinds are the journal's own. */
export type JournalEntry = Opened | Defined | Moved | Ended | Left;
export type JournalRecord = Head | Kept | Closed | JournalEntry;

/** What is kept of the transitions of a task service. */
export interface Remembered {
  state: TaskState;
  runs: number;
  isWanted: boolean;
  exits: readonly number[];
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

/** Reads a line without its end. The fault goes on where a sentence about the line begins. */
export function readRecord(line: string): JournalRecord | Fault {
  const [, checksum, json = ""] = LINE.exec(line) ?? [];
  if (checksum !== checksumOf(json)) return { fault: "does not match its checksum" };
  const value = parse(json);
  if (!isObject(value)) return { fault: "is no record" };
  const { kind, ...fields } = value;
  if (typeof kind !== "string" || !Object.hasOwn(FIELDS, kind))
    return { fault: `is of the unknown kind ${excerpt(kind)}` };
  const fault = misfit(fields, FIELDS[kind as JournalRecord["kind"]]);
  return fault === undefined ? (value as unknown as JournalRecord) : { fault: `is ${kind} ${fault}` };
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

// Whoever copies such a key from one object to another gives that one a new prototype.
function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__") throw new SyntaxError("the key is not allowed");
  return value;
}

function misfit(fields: JsonObject, fit: { readonly [name: string]: Fits }): string | undefined {
  const stranger = Object.keys(fields).find((name) => !Object.hasOwn(fit, name));
  if (stranger !== undefined) return `with the unknown field ${excerpt(stranger)}`;
  const [wrong] = Object.entries(fit).find(([name, fits]) => !fits(fields[name])) ?? [];
  if (wrong === undefined) return undefined;
  return fields[wrong] === undefined ? `without ${wrong}` : `with the ${wrong} ${excerpt(fields[wrong])}`;
}

/** A value for a sentence about it, cut. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

type Fits = (value: unknown) => boolean;

const isText: Fits = (value) => typeof value === "string";
const isId: Fits = (value) => typeof value === "string" && value !== "";
const isState: Fits = isTaskState;
const isFlag: Fits = (value) => typeof value === "boolean";
const isCount: Fits = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isPid: Fits = (value) => isCount(value) && value !== 0;
const isTimeMs: Fits = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isTimes: Fits = (value) => Array.isArray(value) && value.every(isTimeMs);
const isOwner: Fits = (value) => isObject(value) && misfit(value, { pid: isPid, startTicks: isCount }) === undefined;
const isTime: Fits = (value) =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{8,}Z$/.test(value) && !Number.isNaN(Date.parse(value));
const optional =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || fits(value);

/** How each field of each kind must look. */
const FIELDS: { readonly [R in JournalRecord as R["kind"]]: { readonly [Name in Exclude<keyof R, "kind">]-?: Fits } } =
  {
    journal: {
      version: (value) => value === VERSION,
      contextId: isText,
      bootId: isText,
      lastSequence: isCount,
      owner: optional(isOwner),
    },
    opened: { transaction: isId, contextName: isText },
    defined: { transaction: isId, task: isId, body: optional(isObject) },
    kept: { transaction: isId, task: isId, state: isState, runs: isCount, isWanted: isFlag, exits: isTimes },
    moved: {
      transaction: isId,
      task: isId,
      sequence: isCount,
      from: isState,
      to: isState,
      event: isId,
      cause: optional(isText),
      run: isCount,
      pid: optional(isPid),
      code: optional(Number.isSafeInteger),
      signal: optional(isId),
      isWanted: isFlag,
      exits: isTimes,
      time: isTime,
      monotonicMs: isTimeMs,
    },
    ended: { transaction: isId },
    left: {},
    closed: {},
  };
