// Publishes what the processes of all transactions take, once a period and from one common sample.
import type { Frame } from "../protocol/codec.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import { FIGURES_ONLY, type TopOptions } from "../protocol/query.ts";
import { MIB_BYTES } from "../units.ts";
import { createAccounts } from "./accounts.ts";
import { type ProcessFigures, sumOf } from "./figures.ts";
import { createOwnMeter } from "./own-cost.ts";
import type { Sample, Sampler } from "./sample.ts";

/** A transaction whose processes are watched. */
export interface Watched {
  transaction: string;
  tasks: readonly WatchedTask[];
}

/** A task as its record shows it; one without a living process has no pid and is passed over. */
export interface WatchedTask {
  service_id: string;
  serviceName: string;
  instance: string;
  action: string;
  state: string;
  lifecycle: string;
  runs: number;
  pid: number | null;
  /** What its event loop has said last, where it has one of ours. */
  beat?: { delayMs?: Json; heapBytes?: Json; handles?: Json };
}

export interface Monitor extends AsyncDisposable {
  /** The figures of one transaction as `reply_top` carries them; CPU counts from the sample before. */
  top(watched: Watched, options?: TopOptions): Promise<JsonObject[]>;
  /** The same as `monitor` carries them. */
  entries(watched: Watched, options?: TopOptions): Promise<JsonObject[]>;
}

export interface MonitorOptions {
  sampler: Sampler;
  /** What to watch, asked before each sample. */
  watched(): readonly Watched[];
  publish(frame: Frame): unknown;
  /** Is told of each task what its processes hold, in MiB of resident memory, and whether their leader is halted. */
  seen?(transaction: string, serviceId: string, look: { rssMib: number; isHalted: boolean }): void;
  contextId?(): string;
  /** The forwarder's process, while it has one: its cost is the provider's as well. */
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
  seen = () => {},
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
    timer = setTimeout(() => tick(Math.max(0, performance.now() - dueMs)).finally(arm), periodMs);
  }

  async function tick(loopDelayMs: number): Promise<void> {
    const transactions = watched();
    const wasIdle = isIdle;
    isIdle = transactions.length === 0;
    // When the last one is over, that is said once.
    if (isIdle && wasIdle) return;
    const pids = [...transactions.flatMap(pidsOf), ...asList(forwarderPid())];
    latest = await meter.during(() => sampler.sample(pids));
    if (isClosed) return;
    publish({ topic: "overview", body: overviewOf(transactions, loopDelayMs) });
    await meter.during(() => transactions.forEach(tell));
  }

  function tell({ transaction, tasks }: Watched): void {
    const entries = tasks.flatMap((task) => asList(memoryOf(task, latest)).map((memory) => entryOf(task, memory)));
    publish({ topic: "monitor", body: { [transaction]: entries } });
    for (const task of tasks)
      for (const figures of asList(figuresOf(task, latest))) seen(transaction, task.service_id, lookOf(figures));
  }

  function overviewOf(transactions: readonly Watched[], loopDelayMs: number): JsonObject {
    accounts.keepOnly(new Set(transactions.map(({ transaction }) => transaction)));
    const sums = transactions.map((each) => [each.transaction, sumOfTransaction(each)] as const);
    const { sampling, ...provider } = meter.read(loopDelayMs);
    return {
      context_id: contextId(),
      timestamp: Date.now() / 1_000,
      provider,
      sampling,
      ...forwarderCost(),
      transactions: Object.fromEntries(sums),
    };
  }

  function forwarderCost(): JsonObject {
    const pid = forwarderPid();
    const figures = pid === undefined ? undefined : latest.get(pid);
    if (pid === undefined || figures === undefined) return {};
    return { forwarder: { pid, cpu_percent: figures.cpu_percent, rss: figures.rss } };
  }

  function sumOfTransaction({ transaction, tasks }: Watched): JsonObject {
    const living = tasks.flatMap((task) =>
      asList(figuresOf(task, latest)).map((own) => ({ ...own, pid: Number(task.pid) })),
    );
    const processes = living.reduce((count, { children = [] }) => count + 1 + children.length, 0);
    const sum = sumOf(living.map((figures) => figures.total ?? figures));
    return { tasks: tasks.length, processes, ...asJson(sum), ...accounts.add(transaction, living) };
  }

  async function look(watched: Watched, wanted: TopOptions): Promise<{ task: WatchedTask; memory: JsonObject }[]> {
    const pids = pidsOf(watched);
    const isKnown = pids.every((pid) => latest.has(pid) || latest.gone.has(pid));
    const sample = isKnown ? latest : await sampler.sample(pids);
    const found: { task: WatchedTask; memory: JsonObject }[] = [];
    // One after the other: memory maps of many processes at once would hold up everybody.
    for (const task of watched.tasks) {
      const memory = memoryOf(task, sample);
      if (memory === undefined) continue;
      const details = await detailsOf(task, wanted);
      found.push({ task, memory: details === undefined ? GONE : { ...memory, ...details } });
    }
    return found;
  }

  /** Undefined when the process has gone since its figures were read. */
  async function detailsOf({ pid }: WatchedTask, wanted: TopOptions): Promise<JsonObject | undefined> {
    if (pid === null || !Object.values(wanted).includes(true)) return {};
    return (await sampler.details(pid, wanted)) as JsonObject | undefined;
  }

  return {
    async top(watched, wanted = FIGURES_ONLY) {
      return (await look(watched, wanted)).map(({ task, memory }) => {
        const { instance, pid, serviceName, service_id } = task;
        return { instance, memory, pid, serviceName, service_id };
      });
    },
    async entries(watched, wanted = FIGURES_ONLY) {
      return (await look(watched, wanted)).map(({ task, memory }) => entryOf(task, memory));
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(timer);
      await sampler[Symbol.asyncDispose]();
    },
  };
}

/** What is known of a process that has vanished, until the provider has noticed. */
const GONE: JsonObject = { status: "gone" };

function figuresOf({ pid }: WatchedTask, sample: Sample): ProcessFigures | undefined {
  return pid === null ? undefined : sample.get(pid);
}

/** Undefined for a task without a process, and for one that started after the sample. */
function memoryOf(task: WatchedTask, sample: Sample): JsonObject | undefined {
  const figures = figuresOf(task, sample);
  if (figures !== undefined) return asJson(figures);
  return task.pid !== null && sample.gone.has(task.pid) ? GONE : undefined;
}

function entryOf(
  { service_id, action, state, lifecycle, runs, pid, beat }: WatchedTask,
  memory: JsonObject,
): JsonObject {
  return { ...memory, ...loopOf(beat), serviceId: service_id, action, state, lifecycle, runs, pid };
}

function pidsOf({ tasks }: Watched): number[] {
  return tasks.flatMap(({ pid }) => asList(pid));
}

function asList<T>(value: T | null | undefined): T[] {
  return value === null || value === undefined ? [] : [value];
}

function lookOf({ rss, status, total }: ProcessFigures): { rssMib: number; isHalted: boolean } {
  return { rssMib: total?.rss ?? rss, isHalted: status === "stopped" };
}

function loopOf(beat: WatchedTask["beat"]): JsonObject {
  if (beat === undefined) return {};
  const { delayMs = null, heapBytes = null, handles = null } = beat;
  return { loop_delay_ms: delayMs, heap: Number(heapBytes) / MIB_BYTES, handles };
}

function asJson(figures: object): JsonObject {
  return { ...figures } as unknown as JsonObject;
}
