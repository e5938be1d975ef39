// What a restarted provider may resume: replays the records of a journal, and writes the text of a new one that begins
// with what is known. Pure.
import type { ProcessIdentity } from "../../processes/stat.ts";
import type { JsonObject } from "../../protocol/json.ts";
import {
  type Defined,
  type Ended,
  excerpt,
  type Fault,
  formatRecord,
  type Head,
  type JournalRecord,
  type Kept,
  type Moved,
  type Remembered,
  readRecord,
  VERSION,
} from "./records.ts";

/** What a restarted provider finds. A value, which is never changed. */
export interface Resumable {
  readonly transactions: readonly ResumableTransaction[];
  /** Those that are over, the oldest first, until another one is opened. */
  readonly ended: readonly EndedTransaction[];
  readonly lastSequence: number;
  /** Of the model of the context; absent for the first one. */
  readonly generation?: number | undefined;
}

export interface EndedTransaction extends ResumableTransaction {
  readonly time: string;
  /** A command has ended it. */
  readonly isAsked: boolean;
}

export interface ResumableTransaction {
  readonly id: string;
  readonly contextName: string;
  /** It has had every task of the file. */
  readonly isWhole?: boolean | undefined;
  /** In the order they were first defined in. */
  readonly tasks: readonly ResumableTask[];
}

export interface ResumableTask extends Readonly<Remembered> {
  readonly id: string;
  readonly body?: JsonObject;
}

export const nothingToResume: Resumable = { transactions: [], ended: [], lastSequence: 0 };

/** So many ended transactions are kept. */
export const MAX_ENDED = 100;

/** The text of a journal that is begun with this. */
export function formatSnapshot(
  known: Resumable,
  { contextId, bootId, owner, place }: Pick<Head, "contextId" | "bootId" | "owner" | "place">,
): string {
  const { transactions, ended, lastSequence, generation } = known;
  const head: Head = { kind: "journal", version: VERSION, contextId, bootId, lastSequence, generation, owner, place };
  const ends = ended.map(
    ({ id: transaction, time, isAsked }): Ended => ({ kind: "ended", transaction, time, isAsked }),
  );
  // Opened before any has ended: a new one makes those forgotten that are over.
  return [head, ...[...transactions, ...ended].flatMap(recordsOf), ...ends].map(formatRecord).join("");
}

function recordsOf({ id: transaction, contextName, isWhole, tasks }: ResumableTransaction): JournalRecord[] {
  return [
    { kind: "opened", transaction, contextName, isWhole },
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

/**
 * The process that has a journal, whatever else of it can be read, and the place of the file that it writes to; undefined
 * when it was closed.
 *
 * @param bootId - Of the present boot; a process of another one is gone.
 */
export function ownerOf(
  text: string,
  bootId: string,
): { process: ProcessIdentity; place: string | undefined } | undefined {
  const lines = text.split("\n");
  const head = readRecord(lines[0] ?? "");
  const last = readRecord(lines.at(-2) ?? "");
  if ("fault" in head || head.kind !== "journal" || head.bootId !== bootId || bootId === "") return undefined;
  if (head.owner === undefined || ("kind" in last && last.kind === "closed")) return undefined;
  return { process: head.owner, place: head.place };
}

function withoutExits({ transactions, ...others }: Resumable): Resumable {
  const forget = (task: ResumableTask): ResumableTask => ({ ...task, exits: [] });
  return { ...others, transactions: transactions.map((one) => ({ ...one, tasks: one.tasks.map(forget) })) };
}

/** What is known after a record, or why the record can't be; before the first one nothing is known. */
export function recollect(known: Resumable | undefined, record: JournalRecord): Resumable | Fault {
  if (record.kind === "journal")
    return known === undefined
      ? { ...nothingToResume, lastSequence: record.lastSequence, ...generationIn(record) }
      : { fault: "is a second head" };
  if (known === undefined) return { fault: `is ${record.kind} before the head` };
  switch (record.kind) {
    case "opened": {
      const { transaction: id, contextName } = record;
      const before = find(known, record);
      const isWhole = record.isWhole ?? before?.isWhole;
      const open = before === undefined ? { ...known, ended: [] } : known;
      return withTransaction(open, { tasks: before?.tasks ?? [], id, contextName, ...(isWhole && { isWhole }) });
    }
    case "defined":
      return withTask(known, record, (before) => redefined(before ?? newTask(record.task), record.body));
    case "kept":
      return withTask(known, record, (before) => before && standingAt(before, record));
    case "moved": {
      const { to: state, run: runs, sequence } = record;
      const exitTime = record.event === "exit" ? record.time : undefined;
      const now = { ...record, state, runs, exitTime };
      const next = withTask(known, record, (before) => before && standingAt(before, now));
      return "fault" in next ? next : { ...next, lastSequence: Math.max(known.lastSequence, sequence) };
    }
    case "applied": {
      const { transactions, tasks, removed } = record;
      const applyTo = (one: ResumableTransaction): ResumableTransaction => ({
        ...one,
        tasks: one.tasks
          .filter(({ id }) => !removed.includes(id))
          .map((task) => (tasks.includes(task.id) ? withoutBody(task) : task)),
      });
      return {
        ...{ ...known, ...generationIn(record) },
        transactions: known.transactions.map((one) => (transactions.includes(one.id) ? applyTo(one) : one)),
      };
    }
    case "ended": {
      const transaction = find(known, record);
      if (transaction === undefined) return unknown(record);
      const { time, isAsked } = record;
      return {
        ...known,
        transactions: known.transactions.filter((one) => one !== transaction),
        ended: [...known.ended, { ...transaction, time, isAsked }].slice(-MAX_ENDED),
      };
    }
    case "left":
      return { ...known, transactions: [], ended: [] };
    case "closed":
      return known;
  }
}

function newTask(id: string): ResumableTask {
  return { id, state: "defined", runs: 0, isWanted: false, exits: [] };
}

function redefined(task: ResumableTask, body: JsonObject | undefined): ResumableTask {
  return body === undefined ? withoutBody(task) : { ...task, body };
}

function withoutBody({ body: _, ...task }: ResumableTask): ResumableTask {
  return task;
}

function generationIn({ generation }: { generation?: number | undefined }): Pick<Resumable, "generation"> {
  return generation === undefined ? {} : { generation };
}

function standingAt(task: ResumableTask, record: Remembered): ResumableTask {
  const { id, body, ...before } = task;
  const { state, runs, isWanted, exits, reason } = record;
  // How a run has ended stays known when the task goes on to another state.
  const isTold = record.exitTime !== undefined || record.code !== undefined || record.signal !== undefined;
  const { code, signal, exitTime } = isTold || runs !== before.runs ? record : before;
  return {
    id,
    ...(body && { body }),
    ...{ state, runs, isWanted, exits },
    ...(reason !== undefined && { reason }),
    ...(code !== undefined && { code }),
    ...(signal !== undefined && { signal }),
    ...(exitTime !== undefined && { exitTime }),
  };
}

function find({ transactions }: Resumable, { transaction }: { transaction: string }): ResumableTransaction | undefined {
  return transactions.find(({ id }) => id === transaction);
}

function withTransaction(known: Resumable, transaction: ResumableTransaction): Resumable {
  return { ...known, transactions: replaced(known.transactions, transaction) };
}

/** What becomes of a task. It gets undefined for a task that is not defined, and returns undefined to refuse. */
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

/** Replaces the item with the same id, or adds one at the end. */
function replaced<T extends { id: string }>(all: readonly T[], one: T): T[] {
  const index = all.findIndex(({ id }) => id === one.id);
  return index === -1 ? [...all, one] : all.with(index, one);
}
