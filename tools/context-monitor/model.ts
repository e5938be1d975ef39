// What the monitor knows of the tasks of a provider. Events and the time of day go in, the next model comes out. A
// transaction that has ended stays in view until another begins, so that its outcome can be read. Pure.
import type { Frame } from "../../src/protocol/codec.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import {
  type Announced,
  announcementText,
  eventsIn,
  type KnownTask,
  type MemoryFigure,
  type MonitorEvent,
  type Moved,
  type Overview,
  type Sample,
} from "./monitor-events.ts";
import { mayHaveProcess, needsReason } from "./terminal/states.ts";

/** Something that has happened to a task. */
export interface TaskEvent {
  /** Unknown for what was before the monitor listened. */
  atMs: number | undefined;
  /** The state that it led to, where the words don't imply it. */
  state?: string;
  words: string;
}

/** A transition of a task. */
export interface TaskTransition extends TaskEvent {
  from: string;
  to: string;
}

/** A task in view. */
export interface TaskRow {
  key: string;
  transaction: string;
  id: string;
  service: string;
  instance: string;
  state: string;
  /** Of its living process; none where none lives. */
  pid: number | undefined;
  runs: number;
  /** Ends that count for its restart intensity, as the last transition has told. */
  restarts: number | undefined;
  reason: string | undefined;
  nextRun: string | undefined;
  cpu: number | undefined;
  memory: number | undefined;
  memoryFigure: MemoryFigure;
  uptimeS: number | undefined;
  /** All figures of the last sample; none without a living process. */
  figures: JsonObject | undefined;
  /** One value a sample, oldest first; undefined where no process lived. */
  cpuHistory: readonly (number | undefined)[];
  memoryHistory: readonly (number | undefined)[];
  last: TaskEvent | undefined;
  transitions: readonly TaskTransition[];
  announcements: readonly TaskEvent[];
}

export type Connection =
  | { kind: "waiting"; what: string }
  | { kind: "connected"; endpoint: string }
  | { kind: "away"; sinceMs: number };

export interface Model {
  contextId: string;
  connection: Connection;
  rows: ReadonlyMap<string, TaskRow>;
  /** Transactions that run, in the order in which they became known, and when each was last sampled. */
  sampledMs: ReadonlyMap<string, number | undefined>;
  /** The transactions that have ended and are still in view, the oldest first. */
  ended: ReadonlySet<string>;
  /** The provider has said which transactions run. */
  isTold: boolean;
  /** What the provider takes, its parts as they came, and so the sum of each transaction. */
  cost: Overview["cost"];
  costParts: Overview["costParts"];
  bus: Overview["bus"];
  sums: Overview["sums"];
}

/** How many samples, transitions and announcements of a task are kept. */
const KEPT = { samples: 60, transitions: 50, announcements: 50 };

export function emptyModel(connection: Connection): Model {
  const nothing = { rows: new Map(), sampledMs: new Map(), ended: new Set<string>(), isTold: false };
  return { contextId: "", connection, ...nothing, cost: undefined, costParts: {}, bus: undefined, sums: new Map() };
}

export function withConnection(model: Model, connection: Connection): Model {
  const isConnected = connection.kind === "connected";
  return { ...model, connection, isTold: isConnected && model.isTold, cost: isConnected ? model.cost : undefined };
}

/** An event of a task in a line; `nameOf` says what a state is called. */
export function eventText({ state, words }: TaskEvent, nameOf: (state: string) => string = wordsFor): string {
  return [...(state === undefined ? [] : [nameOf(state)]), words].filter((text) => text !== "").join(": ");
}

/** The model after a frame of the link. */
export function applyFrame(model: Model, frame: Frame, at: { atMs: number; only?: string | undefined }): Model {
  return eventsIn(frame).reduce((known, event) => applyEvent(known, event, at), model);
}

/** The model after an event; an event of a transaction other than `only` changes nothing. */
export function applyEvent(
  model: Model,
  event: MonitorEvent,
  { atMs, only }: { atMs: number; only?: string | undefined },
): Model {
  if (only !== undefined && "transaction" in event && event.transaction !== only) return model;
  switch (event.kind) {
    case "overview":
      return { ...model, sums: event.sums, cost: event.cost, costParts: event.costParts, bus: event.bus };
    case "sampled":
      // A sample that was being taken while the transaction ended says nothing of it any more.
      return model.ended.has(event.transaction) ? model : sampled(begun(model, event.transaction), event, atMs);
    case "known":
      return known(event.isOver ? over(model, event.transaction) : begun(model, event.transaction), event);
    case "running": {
      const isShown = (id: string) => only === undefined || id === only;
      return running(model, event.transactions.filter(isShown), event.ended.filter(isShown));
    }
    case "announced":
      return announced(model, event, atMs);
    case "moved":
      return moved(begun(model, event.transaction), event, atMs);
    case "ended":
      return ended(model, event.transaction);
  }
}

function sampled(
  model: Model,
  { transaction, samples }: { transaction: string; samples: readonly Sample[] },
  atMs: number,
): Model {
  const rows = new Map(model.rows);
  const found = new Map(samples.map((sample) => [keyOf(transaction, sample.id), sample]));
  for (const [key, sample] of found) rows.set(key, withSample(rows.get(key) ?? newRow(transaction, sample.id), sample));
  for (const [key, row] of rows) if (row.transaction === transaction && !found.has(key)) rows.set(key, unsampled(row));
  return { ...model, rows, sampledMs: new Map(model.sampledMs).set(transaction, atMs) };
}

function withSample(row: TaskRow, { state, runs, pid, cpu, memory, memoryFigure, uptimeS, figures }: Sample): TaskRow {
  return {
    ...row,
    state: state || row.state,
    runs: runs ?? row.runs,
    // The provider samples while tasks come and go: a task without a process shows no figures.
    ...(mayHaveProcess(state) ? { pid, cpu, memory, memoryFigure, uptimeS, figures } : NO_PROCESS),
    cpuHistory: latest([...row.cpuHistory, cpu], KEPT.samples),
    memoryHistory: latest([...row.memoryHistory, memory], KEPT.samples),
  };
}

const NO_PROCESS = {
  pid: undefined,
  cpu: undefined,
  memory: undefined,
  memoryFigure: "rss" as const,
  uptimeS: undefined,
  figures: undefined,
};

function unsampled(row: TaskRow): TaskRow {
  // A process that has just started has a pid, and no figures yet.
  const { pid } = mayHaveProcess(row.state) ? row : NO_PROCESS;
  return {
    ...row,
    ...NO_PROCESS,
    pid,
    cpuHistory: latest([...row.cpuHistory, undefined], KEPT.samples),
    memoryHistory: latest([...row.memoryHistory, undefined], KEPT.samples),
  };
}

function known(
  model: Model,
  { transaction, contextId, tasks }: { transaction: string; contextId: string; tasks: readonly KnownTask[] },
): Model {
  const rows = new Map(model.rows);
  for (const task of tasks) {
    const key = keyOf(transaction, task.id);
    const row = rows.get(key) ?? newRow(transaction, task.id);
    const { service, instance, reason, nextRun } = task;
    rows.set(key, { ...standing(row, task), service, instance, reason, nextRun, last: row.last ?? lastKnown(task) });
  }
  return { ...model, contextId: contextId || model.contextId, rows };
}

function lastKnown({ action, state, reason }: KnownTask): TaskEvent {
  if (reason !== undefined) return { atMs: undefined, words: reason };
  // A provider that was started again knows the states of its tasks, but not what they announced last.
  return action === "defined" ? { atMs: undefined, state, words: "" } : { atMs: undefined, words: action };
}

function running(model: Model, transactions: readonly string[], lately: readonly string[]): Model {
  const ended = new Set([...model.ended, ...lately].filter((id) => !transactions.includes(id)));
  const isInView = ({ transaction }: TaskRow) => transactions.includes(transaction) || ended.has(transaction);
  return {
    ...model,
    rows: new Map([...model.rows].filter(([, row]) => isInView(row))),
    sampledMs: new Map(transactions.map((id) => [id, model.sampledMs.get(id)])),
    ended,
    isTold: true,
  };
}

function announced(model: Model, event: Announced, atMs: number): Model {
  const key = keyOf(event.transaction, event.task);
  const row = model.rows.get(key) ?? (model.sampledMs.has(event.transaction) ? rowOfTask(event) : undefined);
  if (row === undefined) return model;
  const last = { atMs, words: announcementText(event) };
  const announcements = latest([...row.announcements, last], KEPT.announcements);
  const next = { ...row, service: event.service ?? row.service, last, announcements };
  return { ...model, rows: new Map(model.rows).set(key, next) };
}

// The context itself is no task, and has no service name of its own.
function rowOfTask({ transaction, task, service }: Announced): TaskRow | undefined {
  return task === "" || service === undefined ? undefined : newRow(transaction, task);
}

function moved(model: Model, event: Moved, atMs: number): Model {
  const { transaction, task, to, run, cause, pid } = event;
  const key = keyOf(transaction, task);
  const row = model.rows.get(key) ?? newRow(transaction, task);
  const transition = taskTransition(event, atMs);
  const next = {
    ...standing(row, { state: to, runs: run, pid }),
    restarts: event.restarts ?? row.restarts,
    reason: needsReason(to) ? cause : undefined,
    last: transition,
    transitions: latest([...row.transitions, transition], KEPT.transitions),
  };
  return { ...model, contextId: event.contextId || model.contextId, rows: new Map(model.rows).set(key, next) };
}

function taskTransition({ from, to, event, cause, time }: Moved, atMs: number): TaskTransition {
  // How a process has ended says enough, and more than the state that follows.
  const isEnd = event === "exit" && cause !== undefined;
  return { atMs: Date.parse(time) || atMs, ...(isEnd ? {} : { state: to }), words: cause ?? event, from, to };
}

/** A row in another state, without the figures of a process that has gone. */
function standing(
  row: TaskRow,
  { state, runs = row.runs, pid }: { state: string; runs: number | undefined; pid?: number | undefined },
): TaskRow {
  const isSame = mayHaveProcess(state) && (pid ?? row.pid) === row.pid;
  return {
    ...row,
    ...(isSame ? {} : NO_PROCESS),
    state: state || row.state,
    runs,
    pid: mayHaveProcess(state) ? (pid ?? row.pid) : undefined,
  };
}

// A transaction that begins takes the place of those that had ended.
function begun(model: Model, transaction: string): Model {
  if (model.sampledMs.has(transaction)) return model;
  const rows = new Map([...model.rows].filter(([, row]) => !model.ended.has(row.transaction)));
  return { ...model, rows, ended: new Set(), sampledMs: new Map(model.sampledMs).set(transaction, undefined) };
}

function ended(model: Model, transaction: string): Model {
  const left = over(model, transaction);
  const rows = new Map(left.rows);
  for (const [key, row] of rows) if (row.transaction === transaction) rows.set(key, { ...row, ...NO_PROCESS });
  return { ...left, rows };
}

function over(model: Model, transaction: string): Model {
  const sampledMs = new Map(model.sampledMs);
  sampledMs.delete(transaction);
  return { ...model, sampledMs, ended: new Set(model.ended).add(transaction) };
}

function newRow(transaction: string, id: string): TaskRow {
  return {
    key: keyOf(transaction, id),
    transaction,
    id,
    service: "",
    instance: "",
    state: "",
    runs: 0,
    restarts: undefined,
    reason: undefined,
    nextRun: undefined,
    ...NO_PROCESS,
    cpuHistory: [],
    memoryHistory: [],
    last: undefined,
    transitions: [],
    announcements: [],
  };
}

function keyOf(transaction: string, id: string): string {
  return `${transaction} ${id}`;
}

function latest<T>(values: readonly T[], most: number): readonly T[] {
  return values.slice(-most);
}
