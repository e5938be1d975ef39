import { describe, expect, test } from "vitest";
import type { MonitoredTask } from "../../../src/monitor/entries.ts";
import type { ProcessFigures } from "../../../src/monitor/figures.ts";
import { startMonitor } from "../../../src/monitor/publish.ts";
import type { Sampler } from "../../../src/monitor/sample.ts";
import type { BusFigures } from "../../../src/protocol/bus-figures.ts";
import type { Frame } from "../../../src/protocol/codec.ts";
import { isObject, type JsonObject } from "../../../src/protocol/json.ts";
import { awaitEvents } from "../../support/recording.ts";

function task(id: string, pid: number | null): MonitoredTask {
  const known = { serviceName: `service_${id}`, instance: "Test", action: "started", runs: 1 };
  return { service_id: id, ...known, state: "success", lifecycle: pid === null ? "stopped" : "running", pid };
}

function figures(rss: number, cpu: number, children: ProcessFigures["children"] = []): ProcessFigures {
  const own = { rss, percent: rss / 10, cpu_percent: cpu };
  const total = { ...own, rss: rss + children.length * 100 };
  return { ...own, status: "sleeping", total, children, elapsed: 0, serviceId: "", timestamp: 0 };
}

/** Finds these processes, and none of the others. */
function samplerOf(living: { [pid: number]: ProcessFigures }): Sampler {
  return {
    async sample(pids) {
      const found = pids.flatMap((pid) => (living[pid] === undefined ? [] : [[pid, living[pid]] as const]));
      const gone = new Set(pids.filter((pid) => living[pid] === undefined));
      return Object.assign(new Map(found), { gone, unsure: new Set<number>() });
    },
    async details(pids, wanted) {
      const detailsOf = (pid: number) => (wanted.opened_files ? { opened_files: [[{ path: `/of/${pid}` }]] } : {});
      return new Map(pids.filter((pid) => pid !== 3).map((pid) => [pid, detailsOf(pid)]));
    },
    async [Symbol.asyncDispose]() {},
  };
}

const child = { pid: 11, ppid: 1, status: "sleeping", create_time: 1, cpu_times: { user: 0, system: 0 } };
const childFigures = { ...child, rss: 100, percent: 1, cpu_percent: 1, vms: 1, threads: 1 };
const queue = { event: "a.b", group: "g", ready: 1, in_flight: 0, delayed: 0, dead: 0, members: 1, rate_per_s: 0 };
const figuresOfBus: BusFigures = {
  ...{
    queues: [queue, { ...queue, group: "h", ready: 2 }],
    groups: [],
    methods: [],
    senders: [],
    signals: [],
    unrouted: {},
  },
  ...{ members: 3, calls: { waiting: 0, running: 1 }, memory_bytes: 1 },
};
const living = { 1: figures(10, 5, [childFigures]), 2: figures(20, 1), 3: figures(30, 0), 9: figures(40, 0.5) };
const t1 = { transaction: "T1", tasks: [task("ts_1", 1), task("ts_2", 2), task("ts_3", null), task("ts_4", 7)] };

function monitor(watched: () => readonly (typeof t1)[] = () => [t1]) {
  const published = awaitEvents<Frame>("what was published", ({ topic, body }) => `${topic} ${JSON.stringify(body)}`);
  const options = { sampler: samplerOf(living), watched, publish: published.add, periodMs: 1 };
  const started = startMonitor({
    ...options,
    contextId: () => "context001",
    forwarderPid: () => 9,
    broker: () => ({ pid: 3, state: { figures: figuresOfBus, trouble: undefined } }),
  });
  const next = async (topic: string, from = 0) => {
    const { body } = await published.first((frame) => frame.topic === topic, { from });
    return body as JsonObject;
  };
  return { ...started, published, next };
}

describe("the figures of a transaction", () => {
  test("name the processes that are there and those that have ended, and leave out tasks without one", async () => {
    await using watch = monitor();

    const { T1 } = await watch.next("monitor");

    expect(T1).toMatchObject([
      { serviceId: "ts_1", status: "sleeping", rss: 10, pid: 1 },
      { serviceId: "ts_2", status: "sleeping", rss: 20, pid: 2 },
      { serviceId: "ts_4", status: "gone", pid: 7 },
    ]);
    expect(T1).toHaveLength(3);
    expect((T1 as JsonObject[])[2]).not.toHaveProperty("rss");
  });

  test("come with the lists that are asked for; a process that ends meanwhile is gone", async () => {
    await using watch = monitor();
    const wanted = { opened_files: true, memory_maps: false, open_connections: false };
    const some = { transaction: "T1", tasks: [task("ts_1", 1), task("ts_3", 3)] };

    const entries = await watch.entries(some, wanted);
    const top = await watch.top(some, wanted);

    expect(entries).toMatchObject([
      { serviceId: "ts_1", rss: 10, opened_files: [[{ path: "/of/1" }]] },
      { serviceId: "ts_3", status: "gone" },
    ]);
    expect(top).toMatchObject([
      { service_id: "ts_1", pid: 1, memory: { rss: 10, opened_files: [[{ path: "/of/1" }]] } },
      { service_id: "ts_3", pid: 3, memory: { status: "gone" } },
    ]);
  });
});

describe("the overview", () => {
  test("has the sum of the trees of each transaction", async () => {
    await using watch = monitor();

    const { transactions, context_id } = await watch.next("overview");

    expect(context_id).toBe("context001");
    expect(transactions).toEqual({
      T1: {
        tasks: 4,
        processes: 3,
        rss: 130,
        percent: 3,
        cpu_percent: 6,
        cpu_s: 0,
        approximate: false,
      },
    });
  });

  test("has the broker's process and its queues, the longest first", async () => {
    await using watch = monitor();

    const { broker, bus } = await watch.next("overview");

    expect(broker).toEqual({ pid: 3, cpu_percent: 0, rss: 30 });
    expect(bus).toMatchObject({
      members: 3,
      calls: { running: 1 },
      queues: [{ group: "h" }, { group: "g" }],
      left_out: 0,
    });
  });

  test("has what the provider itself takes, its forwarder and the sampling", async () => {
    await using watch = monitor();

    const { provider, sampling, forwarder } = await watch.next("overview");

    const number = expect.any(Number);
    expect(provider).toEqual({
      pid: process.pid,
      cpu_percent: number,
      rss: number,
      heap: number,
      loop_delay_ms: number,
    });
    expect(sampling).toEqual({ cpu_percent: number, elapsed: number });
    expect(forwarder).toEqual({ pid: 9, cpu_percent: 0.5, rss: 40 });
    const { rss, heap } = provider as { rss: number; heap: number };
    expect(rss).toBeGreaterThan(heap);
    expect(rss).toBeLessThan(4_096);
  });

  test("says once that no transaction is left", async () => {
    let watched: (typeof t1)[] = [t1];
    await using watch = monitor(() => watched);
    await watch.next("overview");

    watched = [];
    const isEmpty = ({ topic, body }: Frame) =>
      topic === "overview" && isObject(body) && Object.keys(body.transactions as JsonObject).length === 0;
    await watch.published.first(isEmpty);
    watched = [t1];
    const before = watch.published.all.length;
    await watch.next("monitor", before);

    expect(watch.published.all.slice(0, before).filter(isEmpty)).toHaveLength(1);
  });
});

test("a sample for which the system has no descriptors is left out, and the next one is published", async () => {
  const published = awaitEvents<Frame>("what was published", ({ topic }) => topic);
  const working = samplerOf(living);
  let samples = 0;
  const sampler: Sampler = {
    ...working,
    async sample(pids) {
      samples += 1;
      if (samples === 1) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
      return working.sample(pids);
    },
  };

  await using _ = startMonitor({ sampler, watched: () => [t1], publish: published.add, periodMs: 1 });

  expect(await published.first(({ topic }) => topic === "overview")).toMatchObject({ topic: "overview" });
  expect(samples).toBeGreaterThan(1);
});
