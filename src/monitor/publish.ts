import type { Frame } from "../protocol/codec.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
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
}

export interface Monitor extends AsyncDisposable {
  /** The figures of one transaction as `reply_top` carries them; CPU counts from the sample before. */
  top(watched: Watched): Promise<JsonObject[]>;
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

  function entryOf({ service_id, action, state, lifecycle, runs, pid }: WatchedTask): Json[] {
    const figures = pid === null ? undefined : latest.get(pid);
    return figures === undefined
      ? []
      : [{ ...asJson(figures), serviceId: service_id, action, state, lifecycle, runs, pid }];
  }

  return {
    async top({ tasks }) {
      const pids = tasks.flatMap(({ pid }) => pid ?? []);
      const figures = pids.every((pid) => latest.has(pid)) ? latest : await sampler.sample(pids);
      return tasks.flatMap(({ instance, pid, serviceName, service_id }) => {
        const memory = pid === null ? undefined : figures.get(pid);
        return memory === undefined ? [] : [{ instance, memory: asJson(memory), pid, serviceName, service_id }];
      });
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

function asJson(figures: ProcessFigures): JsonObject {
  return { ...figures } as unknown as JsonObject;
}
