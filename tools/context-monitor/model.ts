// What is known of the tasks of a provider, from all that was heard. Pure: news and the time of day go in. An ended
// transaction stays in view until another begins, so that one can read how it went. Pure.
import type { JsonObject } from "../../src/protocol/json.ts";
import { LIVING } from "../living.ts";
import {
  type Announced,
  type Known,
  type Moved,
  type News,
  type Sample,
  type Summed,
  wordsOf,
} from "./monitor-events.ts";

/** Something that has happened to a task. */
export interface Happening {
  /** Unknown for what was before we listened. */
  atMs: number | undefined;
  words: string;
}

/** A step from one state to another. */
export interface Step extends Happening {
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
  /** Ends that count for its restart intensity, as the last step has told. */
  restarts: number | undefined;
  reason: string | undefined;
  cpu: number | undefined;
  rss: number | undefined;
  uptimeS: number | undefined;
  /** All figures of the last sample; none without a living process. */
  figures: JsonObject | undefined;
  /** One value a sample, oldest first; undefined where no process lived. */
  cpuHistory: readonly (number | undefined)[];
  rssHistory: readonly (number | undefined)[];
  last: Happening | undefined;
  steps: readonly Step[];
  said: readonly Happening[];
}

/** What the head says of the connection. */
export type ConnectionState =
  | { kind: "waiting"; what: string }
  | { kind: "connected"; endpoint: string }
  | { kind: "away"; sinceMs: number };

export interface Model {
  contextId: string;
  link: ConnectionState;
  rows: ReadonlyMap<string, TaskRow>;
  /** Transactions that run, in the order in which we got to know them, and when each was last sampled. */
  sampledMs: ReadonlyMap<string, number | undefined>;
  /** The transaction that is over and still in view. */
  ended: string | undefined;
  /** The provider has said which transactions run. */
  isTold: boolean;
  /** What the provider takes, its parts as they came, and so the sum of each transaction. */
  cost: Summed["cost"];
  costParts: Summed["costParts"];
  sums: Summed["sums"];
}

/** How many samples, steps and announcements of a task are kept. */
const KEPT = { samples: 120, steps: 50, said: 50 };

export function emptyModel(link: ConnectionState): Model {
  const nothing = { rows: new Map(), sampledMs: new Map(), ended: undefined, isTold: false };
  return { contextId: "", link, ...nothing, cost: undefined, costParts: {}, sums: new Map() };
}

export function linked(model: Model, link: ConnectionState): Model {
  const isConnected = link.kind === "connected";
  return { ...model, link, isTold: isConnected && model.isTold, cost: isConnected ? model.cost : undefined };
}

/** What is known after news; those of other transactions than the wanted one change nothing. */
export function heard(model: Model, news: News, { atMs, only }: { atMs: number; only?: string | undefined }): Model {
  if (only !== undefined && "transaction" in news && news.transaction !== only) return model;
  switch (news.kind) {
    case "summed":
      return { ...model, sums: news.sums, cost: news.cost, costParts: news.costParts };
    case "sampled":
      // Figures that were being read while it ended say nothing of it any more.
      return news.transaction === model.ended ? model : sampled(begun(model, news.transaction), news, atMs);
    case "known":
      return known(begun(model, news.transaction), news);
    case "running":
      return running(model, only === undefined ? news.transactions : news.transactions.filter((id) => id === only));
    case "announced":
      return announced(model, news, atMs);
    case "moved":
      return moved(begun(model, news.transaction), news, atMs);
    case "ended":
      return ended(model, news.transaction);
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

function withSample(row: TaskRow, { state, runs, pid, cpu, rss, uptimeS, figures }: Sample): TaskRow {
  return {
    ...row,
    state: state || row.state,
    runs: runs ?? row.runs,
    // The provider reads while tasks come and go: what has no process shows none.
    ...(LIVING.includes(state) ? { pid, cpu, rss, uptimeS, figures } : NO_PROCESS),
    cpuHistory: kept([...row.cpuHistory, cpu], KEPT.samples),
    rssHistory: kept([...row.rssHistory, rss], KEPT.samples),
  };
}

const NO_PROCESS = { pid: undefined, cpu: undefined, rss: undefined, uptimeS: undefined, figures: undefined };

function unsampled(row: TaskRow): TaskRow {
  // A process that has just started has no figures yet, and yet a pid.
  const { pid } = LIVING.includes(row.state) ? row : NO_PROCESS;
  return {
    ...row,
    ...NO_PROCESS,
    pid,
    cpuHistory: kept([...row.cpuHistory, undefined], KEPT.samples),
    rssHistory: kept([...row.rssHistory, undefined], KEPT.samples),
  };
}

function known(
  model: Model,
  { transaction, contextId, tasks }: { transaction: string; contextId: string; tasks: readonly Known[] },
): Model {
  const rows = new Map(model.rows);
  for (const task of tasks) {
    const key = keyOf(transaction, task.id);
    const row = rows.get(key) ?? newRow(transaction, task.id);
    const { service, instance, reason } = task;
    // A provider that has come again knows where its tasks stand, and not what they said last.
    const words = reason ?? (task.action === "defined" ? task.state : task.action);
    const last = row.last ?? { atMs: undefined, words };
    rows.set(key, { ...standing(row, task), service, instance, reason, last });
  }
  return { ...model, contextId: contextId || model.contextId, rows };
}

function running(model: Model, transactions: readonly string[]): Model {
  const isInView = ({ transaction }: TaskRow) => transactions.includes(transaction) || transaction === model.ended;
  return {
    ...model,
    rows: new Map([...model.rows].filter(([, row]) => isInView(row))),
    sampledMs: new Map(transactions.map((id) => [id, model.sampledMs.get(id)])),
    ended: transactions.includes(model.ended ?? "") ? undefined : model.ended,
    isTold: true,
  };
}

function announced(model: Model, news: Announced, atMs: number): Model {
  const key = keyOf(news.transaction, news.task);
  const row = model.rows.get(key) ?? (model.sampledMs.has(news.transaction) ? rowOfTask(news) : undefined);
  if (row === undefined) return model;
  const said = { atMs, words: wordsOf(news) };
  const next = { ...row, service: news.service ?? row.service, last: said, said: kept([...row.said, said], KEPT.said) };
  return { ...model, rows: new Map(model.rows).set(key, next) };
}

// The context itself is no task, and has no service name of its own.
function rowOfTask({ transaction, task, service }: Announced): TaskRow | undefined {
  return task === "" || service === undefined ? undefined : newRow(transaction, task);
}

function moved(model: Model, news: Moved, atMs: number): Model {
  const { transaction, task, from, to, run, cause, pid } = news;
  const key = keyOf(transaction, task);
  const row = model.rows.get(key) ?? newRow(transaction, task);
  const step = { atMs: Date.parse(news.time) || atMs, words: wordsOf(news), from, to };
  const next = {
    ...standing(row, { state: to, runs: run, pid }),
    restarts: news.restarts ?? row.restarts,
    reason: ["failed", "backingOff", "blocked", "stuck", "unready", "unresponsive"].includes(to) ? cause : undefined,
    last: step,
    steps: kept([...row.steps, step], KEPT.steps),
  };
  return { ...model, contextId: news.contextId || model.contextId, rows: new Map(model.rows).set(key, next) };
}

/** A row in another state; the figures of a process that is gone go with it. */
function standing(
  row: TaskRow,
  { state, runs = row.runs, pid }: { state: string; runs: number | undefined; pid: number | undefined },
): TaskRow {
  const isSame = LIVING.includes(state) && (pid ?? row.pid) === row.pid;
  return {
    ...row,
    ...(isSame ? {} : NO_PROCESS),
    state: state || row.state,
    runs,
    pid: LIVING.includes(state) ? (pid ?? row.pid) : undefined,
  };
}

// A transaction that begins takes the place of the one that was over.
function begun(model: Model, transaction: string): Model {
  if (model.sampledMs.has(transaction)) return model;
  return { ...without(model, model.ended), sampledMs: new Map(model.sampledMs).set(transaction, undefined) };
}

function ended(model: Model, transaction: string): Model {
  const left = model.ended === transaction ? model : without(model, model.ended);
  const sampledMs = new Map(left.sampledMs);
  sampledMs.delete(transaction);
  const rows = new Map(left.rows);
  for (const [key, row] of rows) if (row.transaction === transaction) rows.set(key, { ...row, ...NO_PROCESS });
  return { ...left, rows, sampledMs, ended: transaction };
}

function without(model: Model, transaction: string | undefined): Model {
  if (transaction === undefined) return model;
  const rows = new Map([...model.rows].filter(([, row]) => row.transaction !== transaction));
  return { ...model, rows, ended: undefined };
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
    ...NO_PROCESS,
    cpuHistory: [],
    rssHistory: [],
    last: undefined,
    steps: [],
    said: [],
  };
}

function keyOf(transaction: string, id: string): string {
  return `${transaction} ${id}`;
}

function kept<T>(values: readonly T[], most: number): readonly T[] {
  return values.slice(-most);
}
