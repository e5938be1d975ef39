import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../../../src/config/context-config.ts";
import { costOf, definitionsOf, endedOf, transactionsOf, unhealthyReasonsOf } from "../../../../src/http/data/state.ts";
import type { BusFigures } from "../../../../src/protocol/bus-figures.ts";
import { TASK_STATES } from "../../../../src/protocol/task-state.ts";
import { lookOf } from "../../../../web/states.ts";
import { contextXml } from "../../../support/context.ts";

const noFigures: BusFigures = {
  ...{ queues: [], groups: [], methods: [], senders: [], signals: [], unrouted: {}, members: 0 },
  ...{ calls: { waiting: 0, running: 0 }, memory_bytes: 0 },
};

const record = {
  service_id: "ts001",
  instance: "Echo",
  serviceName: "echo",
  lifecycle: "running" as const,
  runs: 2,
  pid: 7,
};

/** All companions of a provider are there. */
const all = { isForwarderThere: true, bus: undefined };

describe("what is shown", () => {
  test("of a file is its tasks and which tasks their triggers call", () => {
    const text = contextXml([
      { id: "a", instance: "A", triggers: { on_exit: "start b", on_fail: "stop all" } },
      { id: "b", instance: "B", entry: "on_demand", supervision: { depends_on: "a" } },
    ]);

    const definitions = definitionsOf(parseContextConfig(text));

    expect(definitions).toMatchObject([
      {
        id: "a",
        entersAtOnce: true,
        triggers: [
          { event: "on_fail", action: "stop", call: ["a", "b"], callsAll: true },
          { event: "on_exit", action: "start", call: ["b"], callsAll: false },
        ],
      },
      { id: "b", entersAtOnce: false, dependsOn: ["a"], triggers: [] },
    ]);
  });

  test("of an overview is what the provider takes with its forwarder", () => {
    const overview = {
      provider: { cpu_percent: 1, rss: 60 },
      forwarder: { cpu_percent: 0.5, rss: 40 },
      sampling: { cpu_percent: 0.25 },
    };

    expect(costOf(overview)).toEqual({ cpuPercent: 1.5, residentBytes: 100 * 2 ** 20, samplingPercent: 0.25 });
    expect(costOf({ transactions: {} })).toBeUndefined();
  });

  test("of a record leaves out the commands, in which configurations stand", () => {
    const withCommand = { ...record, task: { secret: "x" }, action: "started" };

    expect(transactionsOf([{ transaction: "T1", tasks: [withCommand] }])).toEqual([
      {
        id: "T1",
        tasks: [{ id: "ts001", instance: "Echo", serviceName: "echo", state: "running", pid: 7, runs: 2 }],
      },
    ]);
  });

  test("as unhealthy are tasks in trouble, and a forwarder that is away", () => {
    const [healthy] = transactionsOf([{ transaction: "T1", tasks: [record] }]);
    const [unhealthy] = transactionsOf([
      { transaction: "T2", tasks: [{ ...record, lifecycle: "failed" as const, reason: "code 1" }] },
    ]);

    expect(unhealthyReasonsOf([healthy as never], all)).toEqual([]);
    expect(unhealthyReasonsOf([healthy as never, unhealthy as never], { ...all, isForwarderThere: false })).toEqual([
      "the forwarder is away",
      "ts001 of T2 is failed: code 1",
    ]);
  });

  test("as unhealthy is a task that goes on after a failure, until it runs", () => {
    const tasks = (["starting", "backingOff", "blocked"] as const).map((lifecycle) => ({ ...record, lifecycle }));
    const troubled = transactionsOf([{ transaction: "T1", tasks }], () => ({ trouble: "exited with code 1" }));
    const throttled = transactionsOf([{ transaction: "T1", tasks }]);

    expect(unhealthyReasonsOf(troubled, all)).toEqual([
      "ts001 of T1 is starting: exited with code 1",
      "ts001 of T1 is backing off: exited with code 1",
      "ts001 of T1 is blocked: exited with code 1",
    ]);
    expect(unhealthyReasonsOf(throttled, all)).toEqual([]);
  });

  test("as unhealthy is what had failed of a transaction that is over, unless a command has ended it", () => {
    const tasks = [{ ...record, lifecycle: "failed" as const, reason: "code 1" }];
    const ended = (isAsked: boolean) =>
      endedOf([{ transaction: "T1", record: { tasks, ended: "2026-01-31T12:00:00.000Z" }, isAsked }], () => ({}));

    expect(unhealthyReasonsOf(ended(false), all)).toEqual(["ts001 of T1 is failed: code 1"]);
    expect(unhealthyReasonsOf(ended(true), all)).toEqual([]);
  });

  test("as unhealthy is a broker that was needed and does not work, and a group whose members settle nothing", () => {
    const queue = {
      event: "orders.created",
      group: "billing",
      ready: 3,
      in_flight: 16,
      delayed: 0,
      dead: 0,
      members: 1,
    };
    const figures = { ...noFigures, queues: [{ ...queue, rate_per_s: 0, stalled_s: 41 }] };

    expect(unhealthyReasonsOf([], { ...all, bus: { figures: noFigures, trouble: undefined } })).toEqual([]);
    expect(unhealthyReasonsOf([], { ...all, bus: { figures: undefined, trouble: "the broker is away" } })).toEqual([
      "the broker is away",
    ]);
    expect(unhealthyReasonsOf([], { ...all, bus: { figures, trouble: undefined } })).toEqual([
      "group billing has settled no orders.created for 41 s, though 3 wait and members are connected",
    ]);
  });

  test("of an executable is its command as a shell reads it", () => {
    const text = contextXml([{ id: "a", instance: "A", serviceType: "Executable", command: "sh -c 'exit 3'" }]);

    expect(definitionsOf(parseContextConfig(text))).toMatchObject([{ command: "sh -c 'exit 3'" }]);
  });

  test("of a task in trouble is its state in the words that people see", () => {
    const unready = transactionsOf([{ transaction: "T1", tasks: [{ ...record, lifecycle: "unready" }] }]);

    expect(unhealthyReasonsOf(unready, all)).toEqual(["ts001 of T1 is not ready"]);
  });

  test("of each state is a word and a symbol of its own", () => {
    expect(new Set(TASK_STATES.map((state) => lookOf(state).symbol)).size).toBe(TASK_STATES.length);
    expect(new Set(TASK_STATES.map((state) => lookOf(state).word)).size).toBe(TASK_STATES.length);
  });
});
