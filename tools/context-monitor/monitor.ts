// `context-monitor` without `--since`: shows a live table on a terminal, prints lines or JSON elsewhere, or one table with
// `--once`.
import { deferred } from "../../src/deferred.ts";
import { ZcontextError } from "../../src/errors.ts";
import { formatJson, type JsonObject } from "../../src/protocol/json.ts";
import { warnOfForeign } from "../context-file.ts";
import { leaveRequest } from "../leaving.ts";
import { answer, EXIT, isColoured, say } from "../print.ts";
import { type ConnectionListener, checkLocation, type ProviderLocation, stayConnected } from "./connection.ts";
import { eventJson, linesFor, taskJson } from "./lines.ts";
import { applyEvent, applyFrame, emptyModel, type Model } from "./model.ts";
import { eventsIn, type MonitorEvent } from "./monitor-events.ts";
import { drawOnce } from "./table.ts";
import { speaksUnicode } from "./terminal/text.ts";
import { FIRST_VIEW, shownRows } from "./view.ts";

/** The options of the command; see its `--help`. */
export interface Options extends ProviderLocation {
  transaction?: string;
  once?: true;
  json?: true;
  wait?: true;
  history?: string;
}

/** A provider publishes once a second; one that publishes nothing for this long runs no transaction, in milliseconds. */
const SILENCE_MS = 3_000;
/** The samples of several transactions come one after the other; how long to wait for the others, in milliseconds. */
const GATHER_MS = 100;

/** How many events of a transaction are kept for its next sample. */
const MOST_EVENTS = 10_000;

/** Shows what a provider publishes, once or until a signal comes; returns the exit code. */
export async function monitor(options: Options): Promise<number> {
  if (options.history !== undefined) throw new ZcontextError("ERR_USAGE", "--history requires --since");
  await checkLocation(options);
  const left = leaveRequest();
  if (options.once) await showOnce(options, left);
  // Loaded on demand: it takes more than the others.
  else if (!options.json && isLive()) await (await import("./live.ts")).showLive(options, left);
  else await showLines(options, left);
  return EXIT.done;
}

/** Whether stdout is a terminal that can move its cursor. */
function isLive(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

// --- lines ---------------------------------------------------------------------------------------------------------------

async function showLines(options: Options, left: AbortController): Promise<void> {
  const { transaction: only, json, wait = false } = options;
  const print = json
    ? createJsonPrinter(options)
    : (event: MonitorEvent) => linesFor(event, Date.now()).forEach(answer);
  let isWaiting = false;
  const isWanted = (event: MonitorEvent) =>
    only === undefined || !("transaction" in event) || event.transaction === only;
  await stayConnected(
    options,
    {
      onFrame: (frame) => eventsIn(frame).filter(isWanted).forEach(print),
      onConnected(endpoint, isForeign) {
        isWaiting = false;
        if (isForeign) warnOfForeign(options.context_file ?? "", endpoint);
      },
      onAway: () => say("the provider has gone; waiting for the next one"),
      onWaiting() {
        if (!isWaiting && wait) say("waiting for a provider");
        isWaiting = true;
      },
    },
    { isPatient: wait, signal: left.signal },
  );
}

/** Prints an object for each sample of a transaction, with the events since the sample before, and one at its end. */
function createJsonPrinter(options: Options): (event: MonitorEvent) => void {
  const { transaction: only } = options;
  let model = emptyModel({ kind: "waiting", what: "" });
  const events = new Map<string, JsonObject[]>();
  return (event) => {
    const atMs = Date.now();
    model = applyEvent(model, event, { atMs, only });
    if (event.kind === "running" || event.kind === "known" || event.kind === "overview") return;
    const { transaction } = event;
    const shown = eventJson(event, atMs);
    const isKept = shown !== undefined && (model.sampledMs.has(transaction) || event.kind === "ended");
    if (isKept) events.set(transaction, withEvent(events.get(transaction) ?? [], shown));
    if (event.kind !== "sampled" && event.kind !== "ended") return;
    // A sample that was being taken while the transaction ended is not shown.
    if (event.kind === "sampled" && model.ended.has(transaction)) return;
    answerLine(sampleJson(model, transaction, { atMs, events: events.get(transaction) ?? [] }));
    events.delete(transaction);
  };
}

function withEvent(events: JsonObject[], event: JsonObject): JsonObject[] {
  events.push(event);
  if (events.length > MOST_EVENTS) events.shift();
  return events;
}

function sampleJson(
  model: Model,
  transaction: string,
  { atMs, events }: { atMs: number; events: readonly JsonObject[] },
): JsonObject {
  const rows = shownRows(model.rows.values(), FIRST_VIEW).filter((row) => row.transaction === transaction);
  const total = model.sums.get(transaction);
  const sums = total === undefined ? {} : { total, ...model.costParts };
  return { time: new Date(atMs).toISOString(), transaction, tasks: rows.map(taskJson), events: [...events], ...sums };
}

// In ASCII: the output may reach a terminal after all, and the text of a task must not control it.
function answerLine(value: JsonObject): void {
  answer(formatJson(value, "line"));
}

// --- once ----------------------------------------------------------------------------------------------------------------

async function showOnce(options: Options, left: AbortController): Promise<void> {
  const { wait = false } = options;
  let model = emptyModel({ kind: "waiting", what: "" });
  let endpoint = "";
  const seen = deferred<boolean>();
  let silence: NodeJS.Timeout | undefined;
  let gathering: NodeJS.Timeout | undefined;
  left.signal.addEventListener("abort", () => seen.resolve(true));
  const listener: ConnectionListener = {
    onConnected(at, isForeign) {
      endpoint = at;
      if (isForeign) warnOfForeign(options.context_file ?? "", endpoint);
      if (!wait) silence ??= setTimeout(() => seen.resolve(false), SILENCE_MS);
    },
    onFrame(frame) {
      model = applyFrame(model, frame, { atMs: Date.now(), only: options.transaction });
      const sampled = [...model.sampledMs.values()];
      if (model.isTold && sampled.length === 0 && !wait && isEndKnown(model)) seen.resolve(false);
      if (!sampled.some((atMs) => atMs !== undefined)) return;
      if (model.isTold && sampled.every((atMs) => atMs !== undefined) && isKnown(model) && isEndKnown(model))
        seen.resolve(true);
      else gathering ??= model.isTold ? undefined : setTimeout(() => seen.resolve(true), GATHER_MS);
    },
    onAway() {},
  };
  const connection = stayConnected(options, listener, { isPatient: wait, signal: left.signal });
  const hasSeen = await Promise.race([seen.promise, connection.then(() => true)]).finally(() => {
    clearTimeout(silence);
    clearTimeout(gathering);
  });
  const isInterrupted = left.signal.aborted;
  left.abort();
  await connection;
  if (isInterrupted) return;
  if (!hasSeen && model.rows.size === 0) throw nothingRuns(options, endpoint);
  printOnce(model, options);
}

/** Whether the records of all tasks have come, and not their figures alone. */
function isKnown({ rows }: Model): boolean {
  return [...rows.values()].every(({ service }) => service !== "");
}

/** Whether the records have come of all that have ended and are still shown. */
function isEndKnown({ rows, ended }: Model): boolean {
  const known = new Set([...rows.values()].map(({ transaction }) => transaction));
  return [...ended].every((transaction) => known.has(transaction));
}

function printOnce(model: Model, { json }: Options): void {
  const atMs = Date.now();
  for (const transaction of model.ended) say(`transaction ${transaction} has ended; this is the last of it`);
  if (json) {
    for (const transaction of [...model.sampledMs.keys(), ...model.ended])
      answerLine(sampleJson(model, transaction, { atMs, events: [] }));
    return;
  }
  const { stdout } = process;
  const columns = (stdout.isTTY && stdout.columns) || Number.POSITIVE_INFINITY;
  const isUnicode = speaksUnicode(process.env);
  const terminal = { isUnicode, isColoured: isColoured(stdout) && process.env.TERM !== "dumb" };
  for (const line of drawOnce(model, { columns, terminal })) answer(line);
}

function nothingRuns({ transaction }: Options, endpoint: string): ZcontextError {
  const what = transaction === undefined ? "no transaction runs" : `transaction ${transaction} does not run`;
  const hint =
    transaction === undefined
      ? "Start one with `conf-command --action start --context_file <file>`."
      : "`conf-command --action request` shows those that do.";
  return new ZcontextError("ERR_TRANSACTION_UNKNOWN", `${what} behind ${endpoint}`, { hint });
}
