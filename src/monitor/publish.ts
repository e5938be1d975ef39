import type { Frame } from "../protocol/codec.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import { FIGURES_ONLY, type TopOptions } from "../protocol/top.ts";
import type { ProcessFigures } from "./figures.ts";
import type { Sampler } from "./sample.ts";

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
}

export interface MonitorOptions {
  sampler: Sampler;
  /** What to watch, asked before each sample. */
  watched(): readonly Watched[];
  publish(frame: Frame): unknown;
  /** Is told of each task what its processes hold, in MiB of resident memory, and whether their leader is halted. */
  seen?(transaction: string, serviceId: string, look: { rssMib: number; isHalted: boolean }): void;
  /** Milliseconds from one publication to the next. Default 1_000. */
  periodMs?: number;
}

/** Publishes `monitor @@@ {"<transaction>": […]}` for every transaction once a period, from one common sample. */
export function startMonitor({
  sampler,
  watched,
  publish,
  seen = () => {},
  periodMs = 1_000,
}: MonitorOptions): Monitor {
  let latest = new Map<number, ProcessFigures>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  arm();

  function arm(): void {
    if (!isClosed) timer = setTimeout(() => tick().finally(arm), periodMs);
  }

  async function tick(): Promise<void> {
    const transactions = watched();
    if (transactions.length === 0) return;
    latest = await sampler.sample(transactions.flatMap(({ tasks }) => tasks.flatMap(({ pid }) => pid ?? [])));
    if (isClosed) return;
    for (const { transaction, tasks } of transactions) {
      publish({ topic: "monitor", body: { [transaction]: tasks.flatMap(entryOf) } });
      for (const { service_id, pid } of tasks) {
        const figures = pid === null ? undefined : latest.get(pid);
        if (figures !== undefined) seen(transaction, service_id, lookOf(figures));
      }
    }
  }

  function entryOf({ service_id, action, state, lifecycle, runs, pid, beat }: WatchedTask): Json[] {
    const figures = pid === null ? undefined : latest.get(pid);
    return figures === undefined
      ? []
      : [{ ...asJson(figures), ...loopOf(beat), serviceId: service_id, action, state, lifecycle, runs, pid }];
  }

  return {
    async top({ tasks }, wanted = FIGURES_ONLY) {
      const pids = tasks.flatMap(({ pid }) => pid ?? []);
      const figures = pids.every((pid) => latest.has(pid)) ? latest : await sampler.sample(pids);
      const entries: JsonObject[] = [];
      // One after the other: memory maps of many processes at once would hold up everybody.
      for (const { instance, pid, serviceName, service_id } of tasks) {
        const own = pid === null ? undefined : figures.get(pid);
        if (pid === null || own === undefined) continue;
        const details = Object.values(wanted).includes(true) ? await sampler.details(pid, wanted) : {};
        // It has gone between the figures and the details.
        if (details === undefined) continue;
        entries.push({
          instance,
          memory: { ...asJson(own), ...(details as JsonObject) },
          pid,
          serviceName,
          service_id,
        });
      }
      return entries;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(timer);
      await sampler[Symbol.asyncDispose]();
    },
  };
}

function lookOf({ rss, status, total }: ProcessFigures): { rssMib: number; isHalted: boolean } {
  return { rssMib: total?.rss ?? rss, isHalted: status === "stopped" };
}

function loopOf(beat: WatchedTask["beat"]): JsonObject {
  if (beat === undefined) return {};
  const { delayMs = null, heapBytes = null, handles = null } = beat;
  return { loop_delay_ms: delayMs, heap: Number(heapBytes) / 2 ** 20, handles };
}

function asJson(figures: ProcessFigures): JsonObject {
  return { ...figures } as unknown as JsonObject;
}
