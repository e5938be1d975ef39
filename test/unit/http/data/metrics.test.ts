import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createMetrics, type Measured } from "../../../../src/http/data/metrics.ts";
import { type Family, parseMetrics } from "../../../support/prometheus.ts";
import { readDocument } from "../../../support/readme.ts";

const entry = {
  serviceId: "ts001",
  cpu_percent: 5,
  rss: 1,
  create_time: 1_700_000_000.5,
  cpu_times: { user: 1.5, system: 0.25 },
  total: { cpu_percent: 50, rss: 2, vms: 4, threads: 11, pss: 1, uss: 0.5, fds: 20 },
  children: [{}],
};

const measured: Measured = {
  context: 'a "context"\nof \\ two lines',
  version: "0.1.0",
  transactions: [
    {
      id: "T1",
      tasks: [
        { id: "ts001", instance: "Echo", serviceName: "echo", state: "running", pid: 7, runs: 3 },
        { id: "ts002", instance: "Echo", serviceName: "echo", state: "failed", pid: null, runs: 1 },
      ],
    },
  ],
  overview: {
    provider: { cpu_percent: 1, rss: 60, loop_delay_ms: 250 },
    sampling: { cpu_percent: 50, elapsed: 0.004 },
    forwarder: { cpu_percent: 25, rss: 2 },
    broker: { cpu_percent: 50, rss: 2 },
    transactions: { T1: { cpu_s: 12.5 }, T0: { cpu_s: 1 } },
  },
  entriesOf: () => [entry, { ...entry, serviceId: "ts002" }],
  inputFaults: { "malformed message": 2 },
  isForwarderThere: true,
  bus: {
    trouble: undefined,
    figures: {
      queues: [
        {
          event: "orders.created",
          group: "billing",
          ready: 3,
          in_flight: 2,
          delayed: 1,
          dead: 4,
          members: 1,
          rate_per_s: 7,
        },
      ],
      groups: [
        {
          ...{ event: "orders.created", group: "billing", acked: 10, retried: 5, lost: 1, dropped: 2, dead: 4 },
          handling: { counts: [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], sum_ms: 90_500 },
          services: ["billing"],
        },
      ],
      methods: [
        {
          ...{ method: "billing.get_invoice", codes: { ok: 8, ERR_CALL_TIMEOUT: 1 }, services: ["billing"] },
          durations: { counts: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sum_ms: 4 },
        },
      ],
      senders: [
        { kind: "event", name: "orders.created", service: "shop", sent: 20 },
        { kind: "event", name: "orders.created", service: "import", sent: 1 },
        { kind: "call", name: "billing.get_invoice", service: "shop", sent: 9 },
      ],
      signals: [{ topic: "tides", publisher: "gauge", subscriber: "chart", received: 90, lost: 3 }],
      unrouted: { "orders.lost": 6 },
      members: 2,
      calls: { waiting: 1, running: 0 },
      memory_bytes: 2 ** 25,
    },
  },
  logsDropped: 5,
  isHealthy: false,
  listeners: 1,
  drops: 0,
  provider: { cpuSeconds: 1.5, residentBytes: 2 ** 26, startSeconds: 1_700_000_000 },
};

async function familiesOf(change: Partial<Measured> = {}, tell?: (metrics: ReturnType<typeof createMetrics>) => void) {
  const metrics = createMetrics(() => ({ ...measured, ...change }));
  metrics.transition("ts001", "running");
  metrics.triggered("ts001", "on_exit");
  metrics.output("ts001", "stdout");
  tell?.(metrics);
  return new Map(parseMetrics(await metrics.text()).map((family) => [family.name, family]));
}

function valueIn(family: Family | undefined, labels: { [name: string]: string } = {}): number | undefined {
  return family?.samples.find((sample) =>
    Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  )?.value;
}

describe("the metrics", () => {
  test("are text that Prometheus reads, with names by its conventions, and help for each", async () => {
    const families = [...(await familiesOf()).values()];

    const own = families.filter(({ name }) => name.startsWith("zcontext_"));
    const units = /_(bytes|seconds|ratio|total|info)$/;
    const bare = own.filter(({ name }) => !units.test(name)).map(({ name }) => name.replace("zcontext_", ""));
    expect(families.filter(({ help, type }) => help === "" || type === "untyped")).toEqual([]);
    expect(own.filter(({ name, type }) => (type === "counter") !== name.endsWith("_total"))).toEqual([]);
    // What is counted in itself has no unit.
    expect(bare).toEqual([
      "healthy",
      "forwarder_up",
      "transactions",
      "tasks",
      "task_state",
      "task_processes",
      "task_exit_code",
      "task_threads",
      "task_open_fds",
      "http_listeners",
      "broker_up",
      "broker_members",
      "queue_length",
      "queue_members",
      "calls_open",
    ]);
    expect(families.map(({ name }) => name)).toContain("process_resident_memory_bytes");
  });

  test("count the lines that the logs lack", async () => {
    expect(valueIn((await familiesOf()).get("zcontext_logs_dropped_total"))).toBe(5);
  });

  test("tell figures of the whole tree in base units", async () => {
    const families = await familiesOf();
    const of = { transaction: "T1", task: "ts001" };
    const value = (name: string, labels = {}) => valueIn(families.get(`zcontext_${name}`), { ...of, ...labels });

    expect(value("task_cpu_ratio")).toBe(0.5);
    expect(value("task_resident_memory_bytes")).toBe(2 ** 21);
    expect(value("task_open_fds")).toBe(20);
    expect(value("task_processes")).toBe(2);
    expect(value("task_start_time_seconds")).toBe(1_700_000_000.5);
    expect(value("task_cpu_seconds_total", { mode: "user" })).toBe(1.5);
    expect(value("task_runs_total")).toBe(3);
    expect(value("task_state", { state: "running" })).toBe(1);
  });

  test("tell what the provider takes for looking and for its forwarder, and what a transaction has used", async () => {
    const families = await familiesOf();
    const value = (name: string, labels = {}) => valueIn(families.get(`zcontext_${name}`), labels);

    expect(value("sampling_cpu_ratio")).toBe(0.5);
    expect(value("sampling_duration_seconds")).toBe(0.004);
    expect(value("event_loop_delay_seconds")).toBe(0.25);
    expect(value("forwarder_cpu_ratio")).toBe(0.25);
    expect(value("forwarder_resident_memory_bytes")).toBe(2 ** 21);
    expect(families.get("zcontext_transaction_cpu_seconds_total")?.samples).toEqual([
      { name: "zcontext_transaction_cpu_seconds_total", labels: { transaction: "T1" }, value: 12.5 },
    ]);
  });

  test("tell the length of queues, what becomes of events and calls, and how long that takes", async () => {
    const families = await familiesOf();
    const value = (name: string, labels = {}) => valueIn(families.get(`zcontext_${name}`), labels);
    const queue = { event: "orders.created", group: "billing" };
    const bucket = (name: string, le: string) =>
      families.get(`zcontext_${name}`)?.samples.find(({ labels }) => labels.le === le)?.value;

    expect(value("queue_length", { ...queue, state: "delayed" })).toBe(1);
    expect(value("events_total", { ...queue, outcome: "acked" })).toBe(10);
    expect(value("events_total", { event: "orders.created", outcome: "emitted" })).toBe(21);
    expect(value("events_total", { event: "orders.lost", outcome: "unrouted" })).toBe(6);
    expect(value("calls_total", { method: "billing.get_invoice", code: "ERR_CALL_TIMEOUT" })).toBe(1);
    expect(value("signals_lost_total", { topic: "tides", publisher: "gauge", subscriber: "chart" })).toBe(3);
    expect(value("broker_up")).toBe(1);
    expect(value("broker_cpu_ratio")).toBe(0.5);
    expect(bucket("event_handling_seconds", "0.001")).toBe(0);
    expect(bucket("event_handling_seconds", "60")).toBe(3);
    expect(bucket("event_handling_seconds", "+Inf")).toBe(4);
    expect(families.get("zcontext_event_handling_seconds")?.samples.slice(-2)).toEqual([
      { name: "zcontext_event_handling_seconds_sum", labels: queue, value: 90.5 },
      { name: "zcontext_event_handling_seconds_count", labels: queue, value: 4 },
    ]);
  });

  test("say that a broker is away, and nothing of one that nobody has needed", async () => {
    const away = await familiesOf({ bus: { figures: undefined, trouble: "the broker is away" } });
    const unneeded = await familiesOf({ bus: undefined });

    expect(valueIn(away.get("zcontext_broker_up"))).toBe(0);
    expect(away.get("zcontext_queue_length")?.samples).toEqual([]);
    expect(unneeded.get("zcontext_broker_up")?.samples).toEqual([]);
  });

  test("leave out what has not been measured yet", async () => {
    const families = await familiesOf({ overview: {} });

    expect(families.get("zcontext_forwarder_cpu_ratio")?.samples).toEqual([]);
    expect(families.get("zcontext_transaction_cpu_seconds_total")?.samples).toEqual([]);
  });

  test("tell the exit code of an end as shells have it, and count a transaction that is over no more", async () => {
    const tasks = (["code", "signal", "none"] as const).map((id) => ({
      ...{ id, instance: "Echo", serviceName: "echo", state: "failed" as const, pid: null, runs: 1 },
      ...(id === "none" ? {} : { lastEnd: { time: "", ...(id === "code" ? { code: 3 } : { signal: "SIGKILL" }) } }),
    }));

    const families = await familiesOf({ transactions: [{ id: "T1", endedAt: "2026-01-31T12:00:00.000Z", tasks }] });

    const codes = families.get("zcontext_task_exit_code");
    expect(["code", "signal", "none"].map((task) => valueIn(codes, { task }))).toEqual([3, 137, undefined]);
    expect(valueIn(families.get("zcontext_tasks"), { state: "failed" })).toBe(3);
    expect(valueIn(families.get("zcontext_transactions"))).toBe(0);
  });

  test("tell no figures of a process that has ended", async () => {
    const families = await familiesOf();

    expect(valueIn(families.get("zcontext_task_resident_memory_bytes"), { task: "ts002" })).toBeUndefined();
    expect(valueIn(families.get("zcontext_task_state"), { task: "ts002", state: "failed" })).toBe(1);
  });

  test("count tasks in each state, with 0 for states without a task", async () => {
    const tasks = (await familiesOf()).get("zcontext_tasks");

    expect(valueIn(tasks, { state: "running" })).toBe(1);
    expect(valueIn(tasks, { state: "stuck" })).toBe(0);
  });

  test("hold any name, as it is", async () => {
    const info = (await familiesOf()).get("zcontext_info");

    expect(info?.samples).toEqual([
      { name: "zcontext_info", labels: { context: measured.context, version: "0.1.0" }, value: 1 },
    ]);
  });

  test("forget the series of a transaction that is over", async () => {
    const metrics = createMetrics(() => now);
    let now = measured;
    await metrics.text();
    now = { ...measured, transactions: [] };

    expect(await metrics.text()).not.toContain('transaction="T1"');
  });

  test("count once what is told once, however often it is asked for", async () => {
    const metrics = createMetrics(() => measured);
    metrics.transition("ts001", "running");
    await metrics.text();

    const families = new Map(parseMetrics(await metrics.text()).map((family) => [family.name, family]));

    expect(valueIn(families.get("zcontext_transitions_total"))).toBe(1);
    expect(valueIn(families.get("zcontext_task_runs_total"), { task: "ts001" })).toBe(3);
    expect(valueIn(families.get("zcontext_input_faults_total"))).toBe(2);
  });

  test("don't grow with the names that a peer makes up", async () => {
    const families = await familiesOf({}, (metrics) => {
      for (let number = 0; number < 5_000; number += 1) metrics.transition(`made-up-${number}`, "running");
    });

    expect(families.get("zcontext_transitions_total")?.samples.length).toBeLessThanOrEqual(1_001);
  });
});

describe("what is said about the metrics", () => {
  test("names them all in docs/dashboard.md, and no other", async () => {
    const names = [...(await familiesOf()).keys()].filter((name) => name.startsWith("zcontext_"));

    const said = new Set(readDocument("docs/dashboard.md").match(/\bzcontext_[a-z_]+/g));

    expect([...said].sort()).toEqual(names.sort());
  });

  test("in the Grafana dashboard asks for nothing that does not exist", async () => {
    const families = await familiesOf();
    const text = readFileSync(new URL("../../../../docs/grafana-dashboard.json", import.meta.url), "utf8");
    const { panels, templating } = JSON.parse(text) as {
      panels: { title: string; targets?: { expr: string }[] }[];
      templating: { list: { query: string | { query: string } }[] };
    };

    const queries = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...templating.list.map(({ query }) => (typeof query === "string" ? query : query.query)),
    ];
    const named = queries.flatMap((query) => query.match(/\b(zcontext|process|nodejs)_[a-z_]+/g) ?? []);

    expect(queries.length).toBeGreaterThan(8);
    expect(named.filter((name) => !families.has(name))).toEqual([]);
    for (const query of queries.filter((text) => text.includes("{"))) {
      const [, name = "", labels = ""] = /(zcontext_[a-z_]+)\{([^}]*)\}/.exec(query) ?? [];
      const known = Object.keys(families.get(name)?.samples[0]?.labels ?? {});
      const asked = [...labels.matchAll(/([a-z_]+)[=!]/g)].map(([, label]) => label);
      expect([...known, "job", "instance"]).toEqual(expect.arrayContaining(asked));
    }
  });
});
