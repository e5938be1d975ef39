// What the journal of a provider says: its records, a line of text for each, and what a restarted provider may resume
// of them. Pure; the file is the journal's own. A file may hold anything, so a line is believed only when its checksum
// and the shape of every field are right.
import { crc32 } from "node:zlib";
import { formatJson, isObject, type Json, type JsonObject } from "../protocol/json.ts";

/** The first record of every journal. */
export interface Head {
  kind: "journal";
  version: 1;
  contextId: string;
  /** The boot its monotonic times belong to; "" where the system has none to tell. */
  bootId: string;
  /** Of all records before this file was begun. */
  lastSequence: number;
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

/** A transition of a task service's lifecycle. */
export interface Moved {
  kind: "moved";
  transaction: string;
  task: string;
  sequence: number;
  from: string;
  to: string;
  event: string;
  cause?: string | undefined;
  run: number;
  pid?: number | undefined;
  code?: number | undefined;
  signal?: string | undefined;
  /** It runs, or is to run. */
  isWanted: boolean;
  /** Its unexpected ends within the restart window, in monotonic milliseconds of this boot. */
  exits: readonly number[];
  /** As `toISOString()` writes it. */
  time: string;
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

/** What a provider writes; the other kinds are the journal's own. */
export type JournalEntry = Opened | Defined | Moved | Ended | Left;
export type JournalRecord = Head | Kept | JournalEntry;

/** What is kept of the transitions of a task service. */
interface Remembered {
  state: string;
  runs: number;
  isWanted: boolean;
  exits: readonly number[];
}

/** What a restarted provider finds. A value: keep it, compare it, never change it. */
export interface Resumable {
  readonly transactions: readonly ResumableTransaction[];
  readonly lastSequence: number;
}

export interface ResumableTransaction {
  readonly id: string;
  readonly contextName: string;
  /** In the order they were first defined in. */
  readonly tasks: readonly ResumableTask[];
}

export interface ResumableTask extends Readonly<Remembered> {
  readonly id: string;
  readonly body?: JsonObject;
}

/** What is wrong, in one clause. */
export interface Fault {
  fault: string;
}

export const nothingToResume: Resumable = { transactions: [], lastSequence: 0 };

const VERSION = 1;

/**
 * One line: a checksum and the record, pure ASCII.
 *
 * @throws {ContextError} `ERR_MESSAGE_MALFORMED` for a body with something in it that JSON can't say.
 */
export function formatRecord(record: JournalRecord): string {
  const json = formatJson(record as unknown as Json, "line");
  return `${checksumOf(json)} ${json}\n`;
}

/** The text of a journal that is begun with this. */
export function formatSnapshot(known: Resumable, { contextId, bootId }: Pick<Head, "contextId" | "bootId">): string {
  const { transactions, lastSequence } = known;
  const head: Head = { kind: "journal", version: VERSION, contextId, bootId, lastSequence };
  return [head, ...transactions.flatMap(recordsOf)].map(formatRecord).join("");
}

function recordsOf({ id: transaction, contextName, tasks }: ResumableTransaction): JournalRecord[] {
  return [
    { kind: "opened", transaction, contextName },
    ...tasks.flatMap(({ id: task, body, ...remembered }): JournalRecord[] => [
      { kind: "defined", transaction, task, body },
      { kind: "kept", transaction, task, ...remembered },
    ]),
  ];
}

/**
 * What a journal leaves to resume, or the first thing in it that is wrong and its line.
 *
 * @param bootId - Of the present boot; monotonic times of another one mean nothing, and are left out.
 */
export function replay(text: string, bootId: string): Resumable | Fault {
  const lines = text.split("\n");
  if (lines.pop() !== "") return { fault: `line ${lines.length + 1} has no end` };
  let known: Resumable | undefined;
  let writtenIn = "";
  for (const [index, line] of lines.entries()) {
    const record = readRecord(line);
    const next = "fault" in record ? record : recollect(known, record);
    if ("fault" in next) return { fault: `line ${index + 1} ${next.fault}` };
    known = next;
    if ("bootId" in record) writtenIn = record.bootId;
  }
  if (known === undefined) return { fault: "line 1 is missing" };
  return bootId !== "" && bootId === writtenIn ? known : withoutExits(known);
}

function withoutExits({ transactions, lastSequence }: Resumable): Resumable {
  const forget = (task: ResumableTask): ResumableTask => ({ ...task, exits: [] });
  return { transactions: transactions.map((one) => ({ ...one, tasks: one.tasks.map(forget) })), lastSequence };
}

// --- what follows from a record --------------------------------------------------------------------------------------

/** What is known after a record, or why the record can't be; before the first one nothing is known. */
export function recollect(known: Resumable | undefined, record: JournalRecord): Resumable | Fault {
  if (record.kind === "journal")
    return known === undefined
      ? { ...nothingToResume, lastSequence: record.lastSequence }
      : { fault: "is a second head" };
  if (known === undefined) return { fault: `is ${record.kind} before the head` };
  switch (record.kind) {
    case "opened": {
      const { transaction: id, contextName } = record;
      return withTransaction(known, { tasks: [], ...find(known, record), id, contextName });
    }
    case "defined":
      return withTask(known, record, (before) => redefined(before ?? newTask(record.task), record.body));
    case "kept":
      return withTask(known, record, (before) => before && standingAt(before, record));
    case "moved": {
      const { to: state, run: runs, sequence } = record;
      const next = withTask(known, record, (before) => before && standingAt(before, { ...record, state, runs }));
      return "fault" in next ? next : { ...next, lastSequence: Math.max(known.lastSequence, sequence) };
    }
    case "ended":
      if (find(known, record) === undefined) return unknown(record);
      return { ...known, transactions: known.transactions.filter(({ id }) => id !== record.transaction) };
    case "left":
      return { ...known, transactions: [] };
  }
}

function newTask(id: string): ResumableTask {
  return { id, state: "defined", runs: 0, isWanted: false, exits: [] };
}

function redefined({ body: _, ...task }: ResumableTask, body: JsonObject | undefined): ResumableTask {
  return body === undefined ? task : { ...task, body };
}

function standingAt(task: ResumableTask, { state, runs, isWanted, exits }: Remembered): ResumableTask {
  return { ...task, state, runs, isWanted, exits };
}

function find({ transactions }: Resumable, { transaction }: { transaction: string }): ResumableTransaction | undefined {
  return transactions.find(({ id }) => id === transaction);
}

function withTransaction(known: Resumable, transaction: ResumableTransaction): Resumable {
  return { ...known, transactions: replaced(known.transactions, transaction) };
}

/** What a task becomes, which gets undefined and may answer it for one that is not defined. */
type Change = (before: ResumableTask | undefined) => ResumableTask | undefined;

function withTask(known: Resumable, record: Defined | Kept | Moved, change: Change): Resumable | Fault {
  const transaction = find(known, record);
  const task = change(transaction?.tasks.find(({ id }) => id === record.task));
  if (transaction === undefined || task === undefined) return unknown(record);
  return withTransaction(known, { ...transaction, tasks: replaced(transaction.tasks, task) });
}

function unknown({ kind, transaction, task }: { kind: string; transaction: string; task?: string }): Fault {
  const whose = task === undefined ? "" : `${excerpt(task)} of `;
  return { fault: `is ${kind} for ${whose}${excerpt(transaction)}, which is unknown by then` };
}

/** In the place of its namesake, or at the end. */
function replaced<T extends { id: string }>(all: readonly T[], one: T): T[] {
  const index = all.findIndex(({ id }) => id === one.id);
  return index === -1 ? [...all, one] : all.with(index, one);
}

// --- reading ---------------------------------------------------------------------------------------------------------

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

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

type Fits = (value: unknown) => boolean;

const isText: Fits = (value) => typeof value === "string";
const isId: Fits = (value) => typeof value === "string" && value !== "";
const isWord: Fits = (value) => typeof value === "string" && /^[A-Za-z]{1,40}$/.test(value);
const isFlag: Fits = (value) => typeof value === "boolean";
const isCount: Fits = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isPid: Fits = (value) => isCount(value) && value !== 0;
const isTimeMs: Fits = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isTimes: Fits = (value) => Array.isArray(value) && value.every(isTimeMs);
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
    },
    opened: { transaction: isId, contextName: isText },
    defined: { transaction: isId, task: isId, body: optional(isObject) },
    kept: { transaction: isId, task: isId, state: isWord, runs: isCount, isWanted: isFlag, exits: isTimes },
    moved: {
      transaction: isId,
      task: isId,
      sequence: isCount,
      from: isWord,
      to: isWord,
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
  };
