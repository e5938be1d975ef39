// The data behind the dashboard: keeps transitions, the figures of the last hour and the last lines of each task, all of it
// bounded, and sends what is new to listeners. Begins with the last hour of a kept history, where there is one.
import { figuresOf } from "../../history/figures.ts";
import type { Log } from "../../log.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { pickTransition, type Transition } from "../../protocol/transition.ts";
import type { Events, History, OutputLine, State } from "../contract/api.ts";
import type { DashboardEvent, KeptHistory, KeptLogs, Source } from "../contract/source.ts";
import { createFanOut, type FanOut } from "./fan-out.ts";
import { startBackfill } from "./history-backfill.ts";
import { createLastHour, LAST_HOUR_MS, type LastHour } from "./last-hour.ts";
import { createLastLines } from "./last-lines.ts";
import { createLastRuns } from "./last-runs.ts";
import { createLruMap } from "./lru-map.ts";
import { messagesOf } from "./messages.ts";
import { createMetrics, type Metrics, type ProviderFigures } from "./metrics.ts";
import { createRing } from "./ring.ts";
import { costOf, definitionsOf, endedOf, transactionsOf, unhealthyReasonsOf } from "./state.ts";
import { createStateSender, EVENTS } from "./state-sender.ts";

export interface DashboardData {
  observe(event: DashboardEvent): void;
  readonly fanOut: FanOut;
  readonly metrics: Metrics;
  state(): State;
  transitions(): Transition<string>[];
  history(transaction: string): History;
  /** Resolves when the last hour of the kept history has been read. */
  readonly backfilled: Promise<void>;
  logs(transaction: string, task: string): OutputLine[];
  /** Why `/_health` is not OK; empty where it is. */
  unhealthyReasons(): string[];
  /** The first event of `/api/events`. */
  snapshot(): Events["snapshot"];
  close(): void;
}

export interface DashboardDataOptions {
  source(): Source | undefined;
  version: string;
  takesCommands: boolean;
  keptHistory?: KeptHistory | undefined;
  keptLogs?: KeptLogs | undefined;
  log: Log;
  nowMs(): number;
}

const MAX_TRANSITIONS = 1_000;
/** How many of them are in a snapshot. */
const RECENT_TRANSITIONS = 200;
/** Of so many transactions the figures are kept. */
const MAX_TRANSACTIONS = 8;
/** The channel of the lines of a task. */
export function outputChannel(transaction: string, task: string): string {
  return `output ${JSON.stringify([transaction, task])}`;
}

export function createDashboardData(options: DashboardDataOptions): DashboardData {
  const { source, version, takesCommands, keptHistory, keptLogs, log, nowMs } = options;
  const fanOut = createFanOut();
  const transitions = createRing<Transition<string>>({ most: MAX_TRANSITIONS });
  const runs = createLastRuns();
  const hours = createLruMap<LastHour>(MAX_TRANSACTIONS, createLastHour);
  const lines = createLastLines();
  const entries = createLruMap<{ latest: readonly Json[] }>(MAX_TRANSACTIONS * 8, () => ({ latest: [] }));
  let overview: JsonObject = {};
  let isForwarderThere = true;
  let sentMessages: string | undefined;
  const startedMs = nowMs();
  const backfill = startBackfill(keptHistory, {
    sinceMs: startedMs - LAST_HOUR_MS,
    untilMs: startedMs,
    keep(record) {
      if (record.kind === "figures") hours.at(record.transaction).add(record);
      else if (record.kind === "transition") keepTransition(pickTransition(record));
    },
    log,
  });

  function keepTransition(transition: Transition<string>): void {
    transitions.push(transition);
    runs.add(transition);
  }

  const open = () => transactionsOf(source()?.transactions() ?? [], runs.of);
  const over = () => endedOf(source()?.ended() ?? [], runs.of);
  const shown = () => [...open(), ...over()];
  const unhealthyReasons = () =>
    source() === undefined
      ? ["the provider is not ready yet"]
      : unhealthyReasonsOf(shown(), { isForwarderThere, bus: source()?.bus() });

  const metrics = createMetrics(() => ({
    context: source()?.contextId() ?? "",
    version,
    transactions: shown(),
    overview,
    entriesOf: (transaction) => entries.find(transaction)?.latest ?? [],
    inputFaults: source()?.inputFaults() ?? {},
    isForwarderThere,
    bus: source()?.bus(),
    isHealthy: unhealthyReasons().length === 0,
    listeners: fanOut.listeners,
    drops: fanOut.drops,
    logsDropped: keptLogs?.lost() ?? 0,
    provider: ownFigures(nowMs()),
  }));

  const messages = (): Pick<State, "messages"> => {
    const bus = source()?.bus();
    return bus === undefined ? {} : { messages: messagesOf(bus) };
  };

  const state = (): State => ({
    context: source()?.contextId() ?? "",
    name: source()?.config.logName ?? "",
    version,
    takesCommands,
    keepsHistory: keptHistory !== undefined,
    keepsLogs: keptLogs !== undefined,
    ...messages(),
    definitions: source() === undefined ? [] : definitionsOf((source() as Source).config),
    transactions: open(),
    ended: over(),
  });

  const states = createStateSender({ fanOut, ended: () => source()?.ended(), open, over });

  function moved(whole: Transition<string>): void {
    const transition = pickTransition(whole);
    backfill.inOrder(() => keepTransition(transition));
    metrics.transition(transition.task, transition.to);
    fanOut.send(EVENTS, "transition", transition);
    states.changed();
  }

  function printed({ transaction, task, stream, line }: Extract<DashboardEvent, { type: "output" }>): void {
    metrics.output(task, stream);
    const channel = outputChannel(transaction, task);
    fanOut.send(channel, "line", lines.add(channel, { time: new Date(nowMs()).toISOString(), stream, line }));
  }

  function sampled(transaction: string, latest: readonly Json[]): void {
    entries.at(transaction).latest = latest;
    const figures = figuresOf(transaction, latest, nowMs());
    backfill.inOrder(() => hours.at(transaction).add(figures));
    fanOut.send(EVENTS, "figures", figures);
    // The figures of queues are part of the state.
    if (latest.some((entry) => isObject(entry) && entry.streams !== undefined)) states.changed();
  }

  function summed(latest: JsonObject): void {
    overview = latest;
    const cost = costOf(latest);
    if (cost !== undefined) fanOut.send(EVENTS, "cost", cost);
    const { messages: now } = messages();
    const text = JSON.stringify(now);
    if (now !== undefined && text !== sentMessages) fanOut.send(EVENTS, "messages", now);
    sentMessages = text;
  }

  function observe(event: DashboardEvent): void {
    switch (event.type) {
      case "moved":
        return moved(event.transition);
      case "triggered": {
        const { type: _, ...triggered } = event;
        metrics.triggered(triggered.task, triggered.event);
        return fanOut.send(EVENTS, "triggered", triggered);
      }
      case "output":
        return printed(event);
      case "recalled":
        runs.recall(event);
        return states.changed();
      case "changed":
        return states.changed();
      case "forwarder":
        isForwarderThere = event.isThere;
        return;
      case "sampled":
        return sampled(event.transaction, event.entries);
      case "summed":
        return summed(event.overview);
    }
  }

  return {
    observe,
    fanOut,
    metrics,
    state,
    unhealthyReasons,
    transitions: transitions.all,
    backfilled: backfill.done,
    history: (transaction) => hours.find(transaction)?.read() ?? { timesMs: [], tasks: {} },
    logs: (transaction, task) => lines.of(outputChannel(transaction, task)),
    snapshot: () => ({ state: state(), transitions: transitions.all().slice(-RECENT_TRANSITIONS) }),
    close() {
      states.close();
      backfill.close();
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
