// F38: tasks that need each other.
import { rm } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { type Attributes, type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { isLiving } from "../support/processes.ts";
import { COUNTED, linesOf, runsOf, stopHeard } from "./runs.ts";
import { hearTransitions, leaveNothing, NEVER_S, program, script, type Transition, until } from "./support.ts";

leaveNothing();

const QUICK: Attributes = { backoff_min_s: 0.01, backoff_max_s: 0.02 };
const STAY = "exec sleep 1000";
/** Leaves a line in a file when it is up and when it is told to stop, and is ready after the first. */
const WITNESS = [
  "echo up $ZCONTEXT_SERVICE_ID >> order",
  "trap 'echo down $ZCONTEXT_SERVICE_ID >> order; exit 0' TERM",
  "echo ready",
  "while :; do sleep 1000 & wait; done",
].join("; ");

function witness(id: string, dependsOn: readonly string[]): TaskXml {
  const needs = dependsOn.length === 0 ? {} : { depends_on: dependsOn.join(" ") };
  return script(id, WITNESS, { supervision: { ready_log: "^ready$", grace_s: 5, ...needs } });
}

/** Tasks that need some of those before them, in any order in the file. */
const graphs = fc.integer({ min: 2, max: 5 }).chain((count) =>
  fc
    .tuple(
      ...Array.from({ length: count }, (_, index) =>
        fc.subarray(Array.from({ length: index }, (_, other) => `ts_${other}`)),
      ),
    )
    .map((needs) => needs.map((dependsOn, index) => ({ id: `ts_${index}`, dependsOn })))
    .chain((tasks) => fc.shuffledSubarray(tasks, { minLength: count, maxLength: count })),
);

describe("F38: by depends_on", () => {
  test("a task that is needed is up before, and down after, in any graph without a cycle", async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        await using context = await runContext(graph.map(({ id, dependsOn }) => witness(id, dependsOn)));

        const started = await context.start("T1");
        await context.stop("T1");

        const order = await linesOf(context.folder.at("order"));
        expect(started.map(({ lifecycle }) => lifecycle)).toEqual(graph.map(() => "running"));
        expect(order).toHaveLength(2 * graph.length);
        for (const { id, dependsOn } of graph) {
          for (const needed of dependsOn) {
            expect(order.indexOf(`up ${needed}`)).toBeLessThan(order.indexOf(`up ${id}`));
            expect(order.indexOf(`down ${needed}`)).toBeGreaterThan(order.indexOf(`down ${id}`));
          }
        }
      }),
      { numRuns: 6 },
    );
  });

  test("tasks that need no other are stopped in the same breath", async () => {
    await using context = await runContext([witness("ts_0", []), witness("ts_1", ["ts_0"]), witness("ts_2", ["ts_0"])]);
    await using ear = await hearTransitions(context.endpoints);

    await context.start("T1");
    await stopHeard(context, ear);

    const moves = ear.all.filter(({ from, to }) => from !== to).map(({ task, to }) => `${task} ${to}`);
    expect(new Set(moves.slice(-6, -4))).toEqual(new Set(["ts_1 stopping", "ts_2 stopping"]));
    expect(moves.slice(-2)).toEqual(["ts_0 stopping", "ts_0 stopped"]);
  });

  test("a task is blocked, and names the one that it waits for, until that is ready", async () => {
    await using context = await runContext([
      script("ts_1", "while [ ! -e go ]; do sleep 0.02; done; echo ready; exec sleep 1000", {
        supervision: { ready_log: "ready" },
      }),
      script("ts_2", `${COUNTED} ${STAY}`, { supervision: { depends_on: "ts_1" } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const blocked = await context.untilState("T1", "ts_2", "blocked");
    const waiting = await untilReason(context, "ts_2", "waits for ts_1 (starting)");
    const runs = await runsOf(context, "ts_2");
    await context.folder.write("go", "");
    await ear.until("ts_2", "running");
    await stopHeard(context, ear);

    expect(blocked.pid).toBeNull();
    expect(waiting.lifecycle).toBe("blocked");
    expect(runs).toEqual([]);
    expect(ear.pathOf("ts_2")).toEqual(["blocked", "starting", "running", "stopping", "stopped"]);
  });

  test("a task whose dependency has failed for good stays blocked with the reason, and can be stopped", async () => {
    await using context = await runContext([
      script("ts_1", "exit 1", {
        readyAfterS: NEVER_S,
        supervision: { ...QUICK, restart: "on-failure", max_restarts: 2 },
      }),
      script("ts_2", `${COUNTED} ${STAY}`, { supervision: { depends_on: "ts_1" } }),
      script("ts_3", `${COUNTED} ${STAY}`, { supervision: { depends_on: "ts_2" } }),
      program("ts_4", "sleep 1000"),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_1", "failed");
    await untilReason(context, "ts_2", "waits for ts_1 (failed)");
    const [, second, third, fourth] = await context.client.state("T1");
    await stopHeard(context, ear);

    expect(second).toMatchObject({ lifecycle: "blocked", reason: "waits for ts_1 (failed)", pid: null });
    expect(third).toMatchObject({ lifecycle: "blocked", reason: "waits for ts_2 (blocked)" });
    expect(fourth?.lifecycle).toBe("running");
    expect(await linesOf(context.folder.at("runs"))).toEqual([]);
    expect([ear.pathOf("ts_2"), ear.pathOf("ts_3")]).toEqual([
      ["blocked", "stopped"],
      ["blocked", "stopped"],
    ]);
  });

  test("a dependency that flaps before it is ready starts no other until it is, and then once", async () => {
    await using context = await runContext([
      script("ts_1", `${COUNTED} [ "$(grep -c ts_1 runs)" -ge 4 ] && echo ready && exec sleep 1000; exit 1`, {
        supervision: { ...QUICK, restart: "on-failure", ready_log: "ready" },
      }),
      script("ts_2", `${COUNTED} ${STAY}`, { supervision: { depends_on: "ts_1" } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_2", "running");
    await stopHeard(context, ear);

    expect(await runsOf(context, "ts_1")).toHaveLength(4);
    expect(ear.pathOf("ts_2")).toEqual(["blocked", "starting", "running", "stopping", "stopped"]);
  });

  test("a dependency that flaps later leaves those that run alone, and holds up only new starts", async () => {
    await using context = await runContext([
      script("ts_1", "while [ -e down ]; do sleep 0.02; done; echo ready; exec sleep 1000", {
        supervision: { ...QUICK, restart: "on-failure", ready_log: "ready" },
      }),
      program("ts_2", "sleep 1000", { supervision: { depends_on: "ts_1" } }),
      program("ts_3", "sleep 1000", { supervision: { ...QUICK, restart: "on-failure", depends_on: "ts_1" } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const pids = await Promise.all(["ts_1", "ts_2", "ts_3"].map(async (id) => pidOf(await ear.until(id, "running"))));
    const [first, second, third] = pids as [number, number, number];

    await context.folder.write("down", "");
    process.kill(first, "SIGKILL");
    await ear.first(({ task, to, run }) => task === "ts_1" && to === "starting" && run === 2);
    process.kill(third, "SIGKILL");
    const blocked = await ear.until(
      "ts_3",
      "blocked",
      ear.all.findIndex(({ task, to }) => task === "ts_3" && to === "running"),
    );
    const isSecondThere = await isLiving(second);
    await rm(context.folder.at("down"));
    const back = await ear.first(({ task, to, run }) => task === "ts_3" && to === "running" && run === 2);
    const isBack = await isLiving(pidOf(back));
    await stopHeard(context, ear);

    expect(isSecondThere).toBe(true);
    expect(blocked.is_wanted).toBe(true);
    expect(isBack).toBe(true);
    expect(ear.pathOf("ts_2")).toEqual(["blocked", "starting", "running", "stopping", "stopped"]);
  });

  test("a task on demand that others need is not started by that: they wait for a start that names it", async () => {
    await using context = await runContext([
      program("ts_1", "sleep 1000", { entry: "on_demand" }),
      program("ts_2", "sleep 1000", { supervision: { depends_on: "ts_1" } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    await ear.until("ts_2", "blocked");
    await context.client.command({
      action: "start",
      transaction: "T1",
      configuration: { TaskService: [{ id: "ts_1" }] },
    });
    await ear.until("ts_2", "running");
    await stopHeard(context, ear);

    expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "stopping", "stopped"]);
  });
});

/** Resolves when the state of the context has shown the task with this reason. */
async function untilReason({ client }: RunningContext, id: string, reason: string): Promise<TaskRecord> {
  return until(`${id}: ${reason}`, async () => {
    const records = await client.state("T1");
    return records.find((record) => record.service_id === id && record.reason === reason);
  });
}

function pidOf({ pid }: Transition): number {
  return pid as number;
}
