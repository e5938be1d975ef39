// What `context-monitor` does, once its words are understood: a live table on a terminal, lines elsewhere.
import { deferred } from "../../src/deferred.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import { formatJson, type JsonObject } from "../../src/protocol/json.ts";
import { answer, EXIT, isColoured, say } from "../print.ts";
import { readerGone } from "../program.ts";
import { checkWhereabouts, stayConnected, type Watcher, type Whereabouts } from "./connection.ts";
import { eventJson, linesFor, taskJson } from "./lines.ts";
import { emptyModel, heard, linked, type Model } from "./model.ts";
import { type News, newsIn } from "./monitor-events.ts";
import type { Looks } from "./pieces.ts";
import { openScreen } from "./screen.ts";
import { draw, drawOnce } from "./table.ts";
import { speaksUnicode } from "./text.ts";
import { FIRST_VIEW, pressed, shownRows } from "./view.ts";

/** The options of the command; see its `--help`. */
export interface Options extends Whereabouts {
  transaction?: string;
  once?: true;
  json?: true;
  wait?: true;
  history?: string;
}

/** A provider publishes once a second; one that says nothing for this long has nothing to say, in milliseconds. */
const SILENCE_MS = 3_000;
/** Samples of one moment come one after the other; how long for the others to come, in milliseconds. */
const GATHER_MS = 100;

/** How many events of a transaction wait for its next sample. */
const MOST_EVENTS = 10_000;

/** Shows what a provider publishes until it is told to leave, or once; answers the exit code. */
export async function watch(options: Options): Promise<number> {
  if (options.history !== undefined)
    throw new ZcontextError("ERR_USAGE", "--history is for --since, which says how far to look back");
  await checkWhereabouts(options);
  const left = new AbortController();
  const leave = () => left.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, leave);
  readerGone().then(leave);
  if (options.once) await showOnce(options, left);
  else if (!options.json && isLive()) await showLive(options, left);
  else await showLines(options, left);
  return EXIT.done;
}

/** A terminal that can move its cursor, and nobody objects to what makes it do so. */
function isLive(): boolean {
  return isColoured(process.stdout) && process.env.TERM !== "dumb";
}

// --- live ----------------------------------------------------------------------------------------------------------------

async function showLive(options: Options, left: AbortController): Promise<void> {
  const looks: Looks = { isUnicode: speaksUnicode(process.env), isColoured: true };
  let model = emptyModel({ kind: "waiting", what: options.context_file ?? options.endpoint ?? "a provider" });
  let view = FIRST_VIEW;
  let page = 1;
  const leave = () => left.abort();
  const screen = openScreen({
    draw(size) {
      const drawing = draw(model, view, { size, looks, nowMs: Date.now() });
      view = { ...view, top: drawing.top };
      page = drawing.page;
      return drawing.lines;
    },
    onKey(key) {
      const next = pressed(view, key, { rows: shownRows(model.rows.values(), view), page });
      if (next === "quit") return leave();
      view = next;
      screen.touch();
    },
    onGone: leave,
  });
  const show = (next: Model) => {
    model = next;
    screen.touch();
  };
  const watcher: Watcher = {
    onFrame: (frame) => show(heardFrame(model, frame, options)),
    onConnected: (endpoint) => show(linked(model, { kind: "connected", endpoint })),
    onAway: () => show(linked(model, { kind: "away", sinceMs: Date.now() })),
  };
  await stayConnected(options, watcher, { isPatient: true, signal: left.signal }).finally(screen.close);
}

function heardFrame(model: Model, frame: Frame, { transaction: only }: Options): Model {
  const atMs = Date.now();
  return newsIn(frame).reduce((known, news) => heard(known, news, { atMs, only }), model);
}

// --- lines ---------------------------------------------------------------------------------------------------------------

async function showLines(options: Options, left: AbortController): Promise<void> {
  const { transaction: only, json, wait = false } = options;
  const tell = json ? createJsonTeller(options) : (news: News) => linesFor(news, Date.now()).forEach(answer);
  let isWaiting = false;
  const isOurs = (news: News) => only === undefined || !("transaction" in news) || news.transaction === only;
  await stayConnected(
    options,
    {
      onFrame: (frame) => newsIn(frame).filter(isOurs).forEach(tell),
      onConnected(endpoint, isAnybody) {
        isWaiting = false;
        if (isAnybody) warnOfAnybody(options, endpoint);
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

/** Prints an object for each sample of a transaction, with what has happened since the one before, and one at its end. */
function createJsonTeller(options: Options): (news: News) => void {
  const { transaction: only } = options;
  let model = emptyModel({ kind: "waiting", what: "" });
  const events = new Map<string, JsonObject[]>();
  return (news) => {
    const atMs = Date.now();
    model = heard(model, news, { atMs, only });
    if (news.kind === "running" || news.kind === "known" || news.kind === "summed") return;
    const { transaction } = news;
    const event = eventJson(news, atMs);
    const isKept = event !== undefined && (model.sampledMs.has(transaction) || news.kind === "ended");
    if (isKept) events.set(transaction, withEvent(events.get(transaction) ?? [], event));
    if (news.kind !== "sampled" && news.kind !== "ended") return;
    // A sample that was being taken while it ended is none of it.
    if (news.kind === "sampled" && transaction === model.ended) return;
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

// All of it ASCII: what tasks say may be read on a terminal after all.
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
  const watcher: Watcher = {
    onConnected(at, isAnybody) {
      endpoint = at;
      if (isAnybody) warnOfAnybody(options, endpoint);
      if (!wait) silence ??= setTimeout(() => seen.resolve(false), SILENCE_MS);
    },
    onFrame(frame) {
      model = heardFrame(model, frame, options);
      const sampled = [...model.sampledMs.values()];
      if (model.isTold && sampled.length === 0 && !wait) seen.resolve(false);
      if (!sampled.some((atMs) => atMs !== undefined)) return;
      if (model.isTold && sampled.every((atMs) => atMs !== undefined) && isKnown(model)) seen.resolve(true);
      else gathering ??= model.isTold ? undefined : setTimeout(() => seen.resolve(true), GATHER_MS);
    },
    onAway() {},
  };
  const following = stayConnected(options, watcher, { isPatient: wait, signal: left.signal });
  const hasSeen = await Promise.race([seen.promise, following.then(() => true)]).finally(() => {
    clearTimeout(silence);
    clearTimeout(gathering);
  });
  const isTold = left.signal.aborted;
  left.abort();
  await following;
  if (isTold) return;
  if (!hasSeen && model.rows.size === 0) throw nothingRuns(options, endpoint);
  printOnce(model, options);
}

/** Whether all that is shown of the tasks is there. */
function isKnown({ rows }: Model): boolean {
  return [...rows.values()].every(({ service }) => service !== "");
}

function printOnce(model: Model, { json }: Options): void {
  const atMs = Date.now();
  if (json) {
    for (const transaction of model.sampledMs.keys()) answerLine(sampleJson(model, transaction, { atMs, events: [] }));
    return;
  }
  const { stdout } = process;
  const columns = (stdout.isTTY && stdout.columns) || Number.POSITIVE_INFINITY;
  const isUnicode = speaksUnicode(process.env);
  const looks = { isUnicode, isColoured: isColoured(stdout) && process.env.TERM !== "dumb" };
  for (const line of drawOnce(model, { columns, looks })) answer(line);
}

function warnOfAnybody({ context_file: file }: Options, endpoint: string): void {
  say(`warning: no provider runs ${file} itself; listening to whoever is at ${endpoint}`);
}

function nothingRuns({ transaction }: Options, endpoint: string): ZcontextError {
  const what = transaction === undefined ? "no transaction runs" : `transaction ${transaction} does not run`;
  const hint =
    transaction === undefined
      ? "Start one with `conf-command --action start --context_file <file>`."
      : "`conf-command --action request` shows those that do.";
  return new ZcontextError("ERR_TRANSACTION_UNKNOWN", `${what} behind ${endpoint}`, { hint });
}
