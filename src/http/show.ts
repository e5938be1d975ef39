// What the server keeps of what it has seen, and whom it tells: transitions, figures of the last hour, the last lines
// of each task. All of it is bounded. Where files have what was before, it begins with the last hour of them.
import { figuresOf } from "../history/figures.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../protocol/json.ts";
import { pickTransition, type Transition } from "../protocol/transition.ts";
import type { Events, History, OutputLine, State } from "./api.ts";
import { createFanOut, type FanOut } from "./fan-out.ts";
import { createLastHour, LAST_HOUR_MS, type LastHour } from "./last-hour.ts";
import { createMetrics, type Metrics, type ProviderFigures } from "./metrics.ts";
import { startRecall } from "./recall.ts";
import { createRing, createShelf, type Ring } from "./ring.ts";
import type { Happenings, Past, Source } from "./source.ts";
import { ailmentsOf, costOf, definitionsOf, transactionsOf } from "./state.ts";

export interface Show extends Happenings {
  readonly fanOut: FanOut;
  readonly metrics: Metrics;
  state(): State;
  transitions(): Transition<string>[];
  history(transaction: string): History;
  /** Resolves when the last hour of what was before is known as well. */
  readonly recalled: Promise<void>;
  logs(transaction: string, task: string): OutputLine[];
  /** Why all is not well; empty where it is. */
  ailments(): string[];
  /** What a listener of `/api/events` is told first. */
  snapshot(): Events["snapshot"];
  close(): void;
}

export interface ShowOptions {
  source(): Source | undefined;
  version: string;
  takesCommands: boolean;
  past?: Past | undefined;
  log: Log;
  nowMs(): number;
}

const MAX_TRANSITIONS = 1_000;
/** What a page shows of them. */
const RECENT_TRANSITIONS = 200;
const MAX_LINES = 500;
const MAX_LINES_LENGTH = 64 * 1_024;
const MAX_LINE_LENGTH = 2_000;
/** Tasks whose lines, and transactions whose figures, are kept. */
const MAX_TASKS = 500;
const MAX_TRANSACTIONS = 8;
/** News of the state come at most once in this time, in milliseconds. */
const STATE_PERIOD_MS = 100;

export const EVENTS = "events";

/** The channel of the lines of a task. */
export function outputChannel(transaction: string, task: string): string {
  return `output ${JSON.stringify([transaction, task])}`;
}

export function createShow({ source, version, takesCommands, past, log, nowMs }: ShowOptions): Show {
  const fanOut = createFanOut();
  const transitions = createRing<Transition<string>>({ most: MAX_TRANSITIONS });
  const hours = createShelf<LastHour>(MAX_TRANSACTIONS, createLastHour);
  const logs = createShelf<Ring<OutputLine>>(MAX_TASKS, () =>
    createRing({ most: MAX_LINES, weight: MAX_LINES_LENGTH, weigh: ({ line }) => line.length }),
  );
  const entries = createShelf<{ latest: Parameters<Happenings["sampled"]>[1] }>(MAX_TRANSACTIONS * 8, () => ({
    latest: [],
  }));
  let overview: JsonObject = {};
  let isForwarderThere = true;
  let news: NodeJS.Timeout | undefined;
  const startedMs = nowMs();
  const recall = startRecall(past, {
    sinceMs: startedMs - LAST_HOUR_MS,
    untilMs: startedMs,
    keep(record) {
      if (record.kind === "figures") hours.at(record.transaction).add(record);
      else if (record.kind === "transition") transitions.push(pickTransition(record));
    },
    log,
  });

  const open = () => transactionsOf(source()?.transactions() ?? []);
  const ailments = () =>
    source() === undefined ? ["the provider is not ready yet"] : ailmentsOf(open(), { isForwarderThere });

  const metrics = createMetrics(() => ({
    context: source()?.contextId() ?? "",
    version,
    transactions: open(),
    overview,
    entriesOf: (transaction) => entries.find(transaction)?.latest ?? [],
    inputFaults: source()?.inputFaults() ?? {},
    isForwarderThere,
    isHealthy: ailments().length === 0,
    listeners: fanOut.listeners,
    drops: fanOut.drops,
    provider: ownFigures(nowMs()),
  }));

  const state = (): State => ({
    context: source()?.contextId() ?? "",
    name: source()?.config.logName ?? "",
    version,
    takesCommands,
    keepsHistory: past !== undefined,
    definitions: source() === undefined ? [] : definitionsOf((source() as Source).config),
    transactions: open(),
  });

  function changed(): void {
    news ??= setTimeout(() => {
      news = undefined;
      if (fanOut.listeners > 0) fanOut.tell(EVENTS, "state", open());
    }, STATE_PERIOD_MS);
  }

  return {
    fanOut,
    metrics,
    state,
    ailments,
    transitions: transitions.all,
    recalled: recall.done,
    history: (transaction) => hours.find(transaction)?.read() ?? { timesMs: [], tasks: {} },
    logs: (transaction, task) => logs.find(outputChannel(transaction, task))?.all() ?? [],
    snapshot: () => ({ state: state(), transitions: transitions.all().slice(-RECENT_TRANSITIONS) }),
    moved(told) {
      const transition = pickTransition(told);
      recall.inOrder(() => transitions.push(transition));
      metrics.transition(transition.task, transition.to);
      fanOut.tell(EVENTS, "transition", transition);
      changed();
    },
    triggered({ transaction, task, event, action, call }) {
      metrics.triggered(task, event);
      fanOut.tell(EVENTS, "triggered", { transaction, task, event, action, call });
    },
    output({ transaction, task, stream, line }) {
      metrics.output(task, stream);
      const channel = outputChannel(transaction, task);
      const kept = { time: new Date(nowMs()).toISOString(), stream, line: line.slice(0, MAX_LINE_LENGTH) };
      logs.at(channel).push(kept);
      fanOut.tell(channel, "line", kept);
    },
    changed,
    forwarder(isThere) {
      isForwarderThere = isThere;
    },
    sampled(transaction, latest) {
      entries.at(transaction).latest = latest;
      const figures = figuresOf(transaction, latest, nowMs());
      recall.inOrder(() => hours.at(transaction).add(figures));
      fanOut.tell(EVENTS, "figures", figures);
    },
    summed(latest) {
      overview = latest;
      const cost = costOf(latest);
      if (cost !== undefined) fanOut.tell(EVENTS, "cost", cost);
    },
    close() {
      clearTimeout(news);
      recall.close();
      fanOut.close();
    },
  };
}

function ownFigures(nowMs: number): ProviderFigures {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startSeconds: Math.round(nowMs - process.uptime() * 1_000) / 1_000,
  };
}
