// Publishes what the processes of all transactions take, once a period and from one sample of all of them; answers `top`
// requests from the latest sample.
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
import type { ProcessFigures } from "./figures.ts";
import { overviewOf } from "./overview.ts";
import { createOwnMeter } from "./own-cost.ts";
import type { Sample, Sampler } from "./sample.ts";

export interface Monitor extends AsyncDisposable {
  /** The figures of one transaction as `reply_top` carries them; CPU counts from the previous sample. */
  top(monitored: MonitoredTransaction, options?: TopOptions): Promise<JsonObject[]>;
  /** The same as `monitor` carries them. */
  entries(monitored: MonitoredTransaction, options?: TopOptions): Promise<JsonObject[]>;
}

export interface MonitorOptions {
  sampler: Sampler;
  /** The transactions to sample, asked before each sample. */
  watched(): readonly MonitoredTransaction[];
  publish(frame: Frame): unknown;
  /** Called for each task of a sample: resident memory of its processes, and whether their leader is halted. */
  inspect?(transaction: string, serviceId: string, health: { rssMib: number; isHalted: boolean }): void;
  contextId?(): string;
  /** The forwarder's process, while it has one; its cost counts as the provider's. */
  forwarderPid?(): number | undefined;
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
  periodMs = 1_000,
}: MonitorOptions): Monitor {
  const meter = createOwnMeter(() => performance.now());
  const accounts = createAccounts();
  let latest: Sample = Object.assign(new Map(), { gone: new Set<number>() });
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
    const forwarder = forwarderPid();
    const pids = [...transactions.flatMap(pidsOf), ...asList(forwarder)];
    latest = await meter.during(() => sampler.sample(pids));
    if (isClosed) return;
    const cost = meter.read(loopDelayMs);
    const about = { contextId: contextId(), atMs: Date.now(), cost, forwarderPid: forwarder };
    publish({ topic: "overview", body: overviewOf(transactions, { sample: latest, accounts, about }) });
    await meter.during(() => transactions.forEach(publishEntries));
  }

  function publishEntries({ transaction, tasks }: MonitoredTransaction): void {
    const entries = tasks.flatMap((task) => asList(memoryOf(task, latest)).map((memory) => entryOf(task, memory)));
    publish({ topic: "monitor", body: { [transaction]: entries } });
    for (const task of tasks)
      for (const figures of asList(figuresIn(latest, task))) inspect(transaction, task.service_id, healthOf(figures));
  }

  async function collect(
    monitored: MonitoredTransaction,
    wanted: TopOptions,
  ): Promise<{ task: MonitoredTask; memory: JsonObject }[]> {
    const pids = pidsOf(monitored);
    const isKnown = pids.every((pid) => latest.has(pid) || latest.gone.has(pid));
    const sample = isKnown ? latest : await sampler.sample(pids);
    const found: { task: MonitoredTask; memory: JsonObject }[] = [];
    // One after the other: the memory maps of many processes at once would block the event loop.
    for (const task of monitored.tasks) {
      const memory = memoryOf(task, sample);
      if (memory === undefined) continue;
      const details = await detailsOf(task, wanted);
      found.push({ task, memory: details === undefined ? GONE : { ...memory, ...details } });
    }
    return found;
  }

  /** Undefined when the process has ended since its figures were read. */
  async function detailsOf({ pid }: MonitoredTask, wanted: TopOptions): Promise<JsonObject | undefined> {
    if (pid === null || !Object.values(wanted).includes(true)) return {};
    return await sampler.details(pid, wanted);
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

function healthOf({ rss, status, total }: ProcessFigures): { rssMib: number; isHalted: boolean } {
  return { rssMib: total?.rss ?? rss, isHalted: status === "stopped" };
}
