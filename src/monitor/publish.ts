// Publishes what the processes of all transactions take, once a period and from one sample of all of them; answers `top`
// requests from the latest sample.
import type { BusState } from "../protocol/bus-figures.ts";
import type { Frame } from "../protocol/codec.ts";
import type { JsonObject } from "../protocol/json.ts";
import { FIGURES_ONLY, type TopOptions } from "../protocol/query.ts";
import { isShortage } from "../shortage.ts";
import { createAccounts } from "./accounts.ts";
import {
  asList,
  entryOf,
  figuresIn,
  GONE,
  type MonitoredTask,
  type MonitoredTransaction,
  memoryOf,
  pidsOf,
  topEntryOf,
} from "./entries.ts";
import type { MemoryFigure, ProcessFigures } from "./figures.ts";
import { overviewOf } from "./overview.ts";
import { createOwnMeter } from "./own-cost.ts";
import type { Sample, Sampler } from "./sample.ts";

export interface Monitor extends AsyncDisposable {
  /** The figures of one transaction as `reply_top` carries them; CPU counts from the previous sample. */
  top(monitored: MonitoredTransaction, options?: TopOptions): Promise<JsonObject[]>;
  /** The same as `monitor` carries them. */
  entries(monitored: MonitoredTransaction, options?: TopOptions): Promise<JsonObject[]>;
}

/** What is seen of the processes of a task, for its supervisor. */
export interface ProcessesFound {
  memory?: { mib: number; figure: MemoryFigure };
  /** Whether the one that leads them is halted by a signal. */
  isHalted: boolean;
}

export interface WatchedBroker {
  readonly pid: number | undefined;
  readonly state: BusState | undefined;
}

export interface MonitorOptions {
  sampler: Sampler;
  /** The transactions to sample, asked before each sample. */
  watched(): readonly MonitoredTransaction[];
  publish(frame: Frame): unknown;
  /** Called for each task of a sample. */
  inspect?(transaction: string, serviceId: string, found: ProcessesFound): void;
  contextId?(): string;
  /** The forwarder's process, while it has one; its cost counts as the provider's. */
  forwarderPid?(): number | undefined;
  /** The broker of messages, which has a process and a state once it was needed. */
  broker?(): WatchedBroker | undefined;
  /** Milliseconds from one publication to the next. Default 1_000. */
  periodMs?: number;
}

/**
 * Publishes once a period `overview`, the sums of all transactions and what the provider itself takes, and then
 * `monitor @@@ {"<transaction>": […]}` for each.
 */
export function startMonitor({
  sampler,
  watched,
  publish,
  inspect = () => {},
  contextId = () => "",
  forwarderPid = () => undefined,
  broker = () => undefined,
  periodMs = 1_000,
}: MonitorOptions): Monitor {
  const meter = createOwnMeter(() => performance.now());
  const accounts = createAccounts();
  let latest: Sample = Object.assign(new Map(), { gone: new Set<number>(), unsure: new Set<number>() });
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isIdle = true;
  arm();

  function arm(): void {
    if (isClosed) return;
    const dueMs = performance.now() + periodMs;
    timer = setTimeout(() => {
      tick(Math.max(0, performance.now() - dueMs))
        .catch(skipShortage)
        .finally(arm);
    }, periodMs);
  }

  async function tick(loopDelayMs: number): Promise<void> {
    const transactions = watched();
    const wasIdle = isIdle;
    isIdle = transactions.length === 0;
    // One empty overview says that the last transaction has ended.
    if (isIdle && wasIdle) return;
    const companions = { forwarder: forwarderPid(), broker: broker()?.pid };
    const pids = [...transactions.flatMap(pidsOf), ...Object.values(companions).flatMap(asList)];
    const limits = new Map(transactions.flatMap(({ tasks }) => tasks.flatMap(limitOf)));
    latest = await meter.during(() => sampler.sample(pids, limits));
    if (isClosed) return;
    const cost = meter.read(loopDelayMs);
    const about = { contextId: contextId(), atMs: Date.now(), cost, companions, bus: broker()?.state };
    publish({ topic: "overview", body: overviewOf(transactions, { sample: latest, accounts, about }) });
    await meter.during(() => transactions.forEach(publishEntries));
  }

  function publishEntries({ transaction, tasks }: MonitoredTransaction): void {
    const entries = tasks.flatMap((task) => asList(memoryOf(task, latest)).map((memory) => entryOf(task, memory)));
    publish({ topic: "monitor", body: { [transaction]: entries } });
    for (const task of tasks)
      for (const figures of asList(figuresIn(latest, task)))
        inspect(transaction, task.service_id, { ...memoryIn(task, figures), isHalted: figures.status === "stopped" });
  }

  /** Nothing where it is not known well enough to hold it against the task. */
  function memoryIn({ pid }: MonitoredTask, { rss, total }: ProcessFigures): Pick<ProcessesFound, "memory"> {
    if (pid !== null && latest.unsure.has(pid)) return {};
    return { memory: { mib: total?.memory ?? rss, figure: total?.memory_figure ?? "rss" } };
  }

  async function collect(
    monitored: MonitoredTransaction,
    wanted: TopOptions,
  ): Promise<{ task: MonitoredTask; memory: JsonObject }[]> {
    const pids = pidsOf(monitored);
    const isKnown = pids.every((pid) => latest.has(pid) || latest.gone.has(pid));
    const sample = isKnown ? latest : await sampler.sample(pids);
    const found = monitored.tasks.flatMap((task) => asList(memoryOf(task, sample)).map((memory) => ({ task, memory })));
    if (!Object.values(wanted).includes(true)) return found;
    const details = await sampler.details(pids, wanted);
    // A process may have ended since its figures were read.
    return found.map(({ task, memory }) => {
      const lists = details.get(Number(task.pid));
      return { task, memory: lists === undefined ? GONE : { ...memory, ...lists } };
    });
  }

  return {
    async top(monitored, wanted = FIGURES_ONLY) {
      return (await collect(monitored, wanted)).map(({ task, memory }) => topEntryOf(task, memory));
    },
    async entries(monitored, wanted = FIGURES_ONLY) {
      return (await collect(monitored, wanted)).map(({ task, memory }) => entryOf(task, memory));
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(timer);
      await sampler[Symbol.asyncDispose]();
    },
  };
}

// Without descriptors nothing can be read, the provider's own memory included; figures come again when there are some.
function skipShortage(error: unknown): void {
  if (!isShortage(error)) throw error;
}

function limitOf({ pid, memoryMaxMib }: MonitoredTask): [pid: number, mib: number][] {
  return pid === null || memoryMaxMib === undefined ? [] : [[pid, memoryMaxMib]];
}
