import { describe, expect, test } from "vitest";
import type { Frame } from "../../../../src/protocol/codec.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";
import {
  applyEvent,
  emptyModel,
  eventText,
  type Model,
  type TaskRow,
  withConnection,
} from "../../../../tools/context-monitor/model.ts";
import { eventsIn } from "../../../../tools/context-monitor/monitor-events.ts";

const AT_MS = Date.parse("2026-01-02T03:04:05.000Z");

/** What is known after these frames, of one transaction only where it is named. */
function knownAfter(
  frames: readonly Frame[],
  { only, from = emptyModel({ kind: "waiting", what: "F" }) }: Options = {},
): Model {
  return frames.flatMap(eventsIn).reduce((model, event) => applyEvent(model, event, { atMs: AT_MS, only }), from);
}

interface Options {
  only?: string;
  from?: Model;
}

function rowOf(model: Model, id: string, transaction = "T1"): TaskRow | undefined {
  return model.rows.get(`${transaction} ${id}`);
}

function lastOf(model: Model, id: string): string | undefined {
  const last = rowOf(model, id)?.last;
  return last && eventText(last);
}

const figures = (items: JsonObject = {}): JsonObject => ({
  serviceId: "ts001",
  lifecycle: "running",
  runs: 1,
  pid: 41,
  rss: 10,
  cpu_percent: 5,
  uptime_s: 7,
  total: { rss: 30, cpu_percent: 15 },
  ...items,
});
const sample = (...entries: JsonObject[]): Frame => ({ topic: "monitor", body: { T1: entries } });
const task = (items: JsonObject = {}): JsonObject => ({
  service_id: "ts001",
  serviceName: "wake_up",
  instance: "WakeUp",
  action: "started",
  lifecycle: "running",
  runs: 1,
  pid: 41,
  ...items,
});
const reply = (transaction: string, ...tasks: JsonObject[]): Frame => ({
  topic: "state",
  body: { header: { action: "reply_context", service_transaction: transaction }, content: { contextId: "c1", tasks } },
});
const running = (...transactions: string[]): Frame => ({
  topic: "state",
  body: {
    header: { action: "reply_context", service_transaction: "" },
    content: { error: { code: "ERR_TRANSACTION_UNKNOWN", running: transactions } },
  },
});
const news = (transaction: string, ...tasks: JsonObject[]): Frame => ({
  topic: "control",
  body: {
    header: { action: "update", service_transaction: transaction, service_id: "c1", service_name: "context" },
    content: { status: { device_action: "context_info", result: "success", data: [{ [transaction]: { tasks } }] } },
  },
});
const said = (action: string, items: JsonObject = {}, header: JsonObject = {}): Frame => ({
  topic: "control",
  body: {
    header: { action, service_transaction: "T1", service_id: "ts001", service_name: "wake_up", ...header },
    content: { status: { device_action: "", result: "success", ...items } },
  },
});
const step = (to: string, items: JsonObject = {}): Frame => ({
  topic: "transition",
  body: {
    transaction: "T1",
    task: "ts001",
    from: "running",
    to,
    event: "exit",
    run: 1,
    time: "2026-01-02T03:04:05.000Z",
    context_id: "c1",
    restarts_counted: 1,
    ...items,
  },
});
const ended = (transaction: string): Frame =>
  said("ended", {}, { service_transaction: transaction, service_name: "context" });

describe("a task in view", () => {
  test("is there without a process, as the provider tells it", () => {
    const model = knownAfter([
      running("T1"),
      reply("T1", task({ lifecycle: "blocked", reason: "waits for ts009", pid: null, runs: 0 })),
    ]);

    expect(model.contextId).toBe("c1");
    expect(rowOf(model, "ts001")).toMatchObject({
      service: "wake_up",
      state: "blocked",
      pid: undefined,
      reason: "waits for ts009",
      last: { atMs: undefined, words: "waits for ts009" },
    });
  });

  test("of a provider that has come again is not said to be only defined", () => {
    const model = knownAfter([reply("T1", task({ action: "defined", lifecycle: "exited", pid: null }))]);

    expect(lastOf(model, "ts001")).toBe("exited");
  });

  test("has the figures of its whole tree", () => {
    expect(rowOf(knownAfter([sample(figures())]), "ts001")).toMatchObject({ cpu: 15, memory: 30, uptimeS: 7, pid: 41 });
  });

  test("has its own figures where the provider knows of no tree", () => {
    const { total: _, ...own } = figures();

    expect(rowOf(knownAfter([sample(own)]), "ts001")).toMatchObject({ cpu: 5, memory: 10 });
  });

  test("loses its figures with its process, and keeps what was drawn of them", () => {
    const model = knownAfter([
      sample(figures()),
      step("backingOff", { cause: "the process was ended by SIGKILL" }),
      sample(),
    ]);

    expect(rowOf(model, "ts001")).toMatchObject({
      state: "backingOff",
      pid: undefined,
      cpu: undefined,
      memory: undefined,
      figures: undefined,
      reason: "the process was ended by SIGKILL",
      restarts: 1,
      cpuHistory: [15, undefined],
      last: { atMs: AT_MS, words: "the process was ended by SIGKILL" },
    });
  });

  test("has no reason once it runs again", () => {
    const model = knownAfter([
      step("backingOff", { cause: "broken" }),
      step("running", { event: "started", pid: 42, run: 2 }),
    ]);

    expect(rowOf(model, "ts001")).toMatchObject({ state: "running", pid: 42, runs: 2, reason: undefined });
  });

  test("shows what it has said last", () => {
    const model = knownAfter([running("T1"), reply("T1", task()), said("updated", { celsius: 42 })]);

    expect(rowOf(model, "ts001")?.last).toEqual({ atMs: AT_MS, words: "updated celsius=42" });
  });

  test("shows what the provider says about it", () => {
    const model = knownAfter([
      sample(figures()),
      said(
        "not_restarted",
        { result: "failure", reason: "too often", task: "ts001" },
        { service_name: "context", service_id: "c1" },
      ),
    ]);

    expect(lastOf(model, "ts001")).toBe("not_restarted: too often");
    expect([...model.rows.keys()]).toEqual(["T1 ts001"]);
  });

  test("keeps a bounded history, however long it is watched", () => {
    const row = rowOf(
      knownAfter(Array.from({ length: 500 }, () => [sample(figures()), said("updated")]).flat()),
      "ts001",
    );

    expect(row?.cpuHistory).toHaveLength(60);
    expect(row?.announcements).toHaveLength(50);
  });
});

test("an event names the state that it led to as people see it, unless the end of a process says more", () => {
  const textAfter = (items: JsonObject) => lastOf(knownAfter([step("backingOff", items)]), "ts001");

  expect(textAfter({ event: "startLater", cause: "held back" })).toBe("backing off: held back");
  expect(textAfter({ event: "startLater" })).toBe("backing off: startLater");
  expect(textAfter({ event: "exit", cause: "code 1" })).toBe("code 1");
});

describe("transactions", () => {
  test("that are not meant change nothing", () => {
    const model = knownAfter([sample(figures()), { topic: "monitor", body: { T2: [figures()] } }], { only: "T2" });

    expect([...model.rows.keys()]).toEqual(["T2 ts001"]);
  });

  test("that are over stay in view until the next one begins", () => {
    const over = knownAfter([sample(figures()), step("exited"), ended("T1"), sample(figures())]);
    const next = knownAfter([news("T2", task({ service_id: "ts009" }))], { from: over });

    expect(over).toMatchObject({ ended: new Set(["T1"]) });
    expect(over.sampledMs.size).toBe(0);
    expect(rowOf(over, "ts001")).toMatchObject({ state: "exited", pid: undefined });
    expect([...next.rows.keys()]).toEqual(["T2 ts009"]);
  });

  test("that are over all stay in view, and those as well that had ended before the monitor came", () => {
    const both = knownAfter([news("T1", task()), news("T2", task()), ended("T1"), ended("T2")]);
    const [{ body }] = [reply("T0", task({ lifecycle: "failed", reason: "code 3" }))];
    const { header, content } = body as { header: JsonObject; content: JsonObject };
    const before = { topic: "state", body: { header, content: { ...content, ended: "2026-01-31T12:00:00.000Z" } } };
    const late = knownAfter([running(), before]);

    expect([...both.rows.keys()]).toEqual(["T1 ts001", "T2 ts001"]);
    expect(late).toMatchObject({ ended: new Set(["T0"]), isTold: true });
    expect(late.sampledMs.size).toBe(0);
    expect(
      rowOf({ ...late, rows: new Map([...late.rows].map(([, row]) => ["T1 ts001", row])) }, "ts001"),
    ).toMatchObject({
      state: "failed",
      reason: "code 3",
    });
    expect([...knownAfter([news("T3", task())], { from: late }).rows.keys()]).toEqual(["T3 ts001"]);
  });

  test("begin anew under the same id without what was before", () => {
    const model = knownAfter([
      step("failed", { cause: "broken" }),
      ended("T1"),
      news("T1"),
      step("starting", { event: "start" }),
    ]);

    expect(model.ended).toEqual(new Set());
    expect(rowOf(model, "ts001")?.transitions).toHaveLength(1);
  });

  test("that a new provider does not have are gone, and those it has go on", () => {
    const before = withConnection(knownAfter([sample(figures()), news("T2", task())]), {
      kind: "away",
      sinceMs: AT_MS,
    });
    const model = knownAfter([running("T1")], { from: before });

    expect(before.rows.size).toBe(2);
    expect([...model.rows.keys()]).toEqual(["T1 ts001"]);
    expect(rowOf(model, "ts001")?.cpuHistory).toEqual([15]);
  });
});

describe("the overview", () => {
  const overview = (body: JsonObject): Frame => ({ topic: "overview", body });
  const sum = { tasks: 1, processes: 2, rss: 30, cpu_percent: 15 };
  const provider = { pid: 1, cpu_percent: 0.5, rss: 60 };

  test("tells the sum of each transaction, and what provider and forwarder take together", () => {
    const forwarder = { pid: 2, cpu_percent: 0.25, rss: 40 };

    const { sums, cost } = knownAfter([overview({ provider, forwarder, transactions: { T1: sum } })]);

    expect(sums.get("T1")).toEqual(sum);
    expect(cost).toEqual({ cpu: 0.75, rss: 100 });
  });

  test("of a provider that is away tells nothing of its cost", () => {
    const model = knownAfter([overview({ provider, transactions: {} })]);

    expect(model.cost).toEqual({ cpu: 0.5, rss: 60 });
    expect(withConnection(model, { kind: "away", sinceMs: AT_MS }).cost).toBeUndefined();
  });

  test.each([{}, { provider: "cheap", transactions: [] }, { provider: { cpu_percent: "1" }, transactions: { T1: 5 } }])(
    "of any shape, as %j, breaks nothing",
    (body) => {
      const { sums, cost } = knownAfter([overview(body)]);

      expect([sums.size, cost]).toEqual([0, undefined]);
    },
  );
});

describe("what any program may publish", () => {
  test("is cleaned", () => {
    const model = knownAfter([
      sample(figures({ serviceId: "ts\u001b[31m1" })),
      said("up\u001b]0;x\u0007dated", { note: "\u001b[2Jgone" }, { service_id: "ts1" }),
    ]);

    expect(JSON.stringify([...model.rows.values()].map(({ figures: _, ...row }) => row))).not.toContain("\\u001b");
    expect(lastOf(model, "ts1")).toBe("updated note=gone");
  });

  test.each([
    ["monitor", null],
    ["monitor", { T1: "x" }],
    ["monitor", { T1: [null, 3, { pid: "x" }, { serviceId: 4 }] }],
    ["transition", { transaction: 1 }],
    ["transition", { transaction: "T1", task: "ts001", to: {} }],
    ["control", { header: [], content: 3 }],
    [
      "control",
      { header: { service_name: "context" }, content: { status: { device_action: "context_info", data: [1] } } },
    ],
    ["state", { header: { action: "reply_context" }, content: { error: { running: 3 } } }],
    ["other", {}],
  ])("on %s as %j is no task", (topic, body) => {
    expect(knownAfter([{ topic, body } as Frame]).rows.size).toBe(0);
  });

  test("as a figure that is none is left out", () => {
    const model = knownAfter([sample(figures({ total: { rss: "much", cpu_percent: null }, pid: "41", runs: [] }))]);

    expect(rowOf(model, "ts001")).toMatchObject({ memory: undefined, cpu: undefined, pid: undefined, runs: 0 });
  });
});
