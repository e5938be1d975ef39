// Tasks that say what they should not: to their provider, on the pipe, and to every listener, in the name of others.
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runContext, type TaskXml } from "../support/context.ts";
import { isLiving } from "../support/processes.ts";
import { stopHeard } from "./runs.ts";
import { hearTransitions, leaveNothing, NEVER_S, program } from "./support.ts";

leaveNothing();

const onDemand = program("ts_9", "sleep 1000", { entry: "on_demand" });

describe("F36: on its pipe a task", () => {
  test("that writes garbage is counted line by line, and no other task notices", async () => {
    await using context = await runContext([
      { id: "ts_1", instance: "WritesGarbageToItsPipe", triggers: { on_fail: "start ts_9", on_exit: "start ts_9" } },
      { id: "ts_2", instance: "Steady" },
      onDemand,
    ]);
    await using ear = await hearTransitions(context.endpoints);
    const [hostile, steady] = await context.start("T1");

    process.kill(hostile?.pid as number, "SIGUSR2");
    const { status } = await context.untilSaid("ts_1", "updated");
    process.kill(steady?.pid as number, "SIGUSR2");
    await context.untilSaid("ts_2", "updated");
    const { inputFaults } = context.provider;
    await stopHeard(context, ear);

    expect(inputFaults).toEqual({ "malformed line": status.lines });
    for (const id of ["ts_1", "ts_2"]) expect(ear.pathOf(id)).toEqual(["starting", "running", "stopping", "stopped"]);
    expect(ear.pathOf("ts_9")).toEqual(["stopped"]);
    expect(({} as { type?: string }).type).toBeUndefined();
  });

  test("that hangs up ends, by its own means or by ours, and no other task notices", async () => {
    await using context = await runContext([
      {
        id: "ts_1",
        instance: "ClosesItsPipe",
        supervision: { heartbeat_s: 0.1, heartbeat_timeout_s: 1, grace_s: 0.2 },
      },
      { id: "ts_2", instance: "Steady" },
    ]);
    await using ear = await hearTransitions(context.endpoints);
    const records = await context.start("T1");

    await ear.first(({ task, to }) => task === "ts_1" && ["failed", "exited"].includes(to));
    const isThere = await isLiving(records[0]?.pid as number);
    process.kill(records[1]?.pid as number, "SIGUSR2");
    await context.untilSaid("ts_2", "updated");
    await stopHeard(context, ear);

    expect(isThere).toBe(false);
    expect(ear.pathOf("ts_2")).toEqual(["starting", "running", "stopping", "stopped"]);
  });
});

describe("F18: an announcement in the name", () => {
  const announces = fileURLToPath(new URL("../fixtures/programs/announces.mjs", import.meta.url));

  /** Announces, from a process of its own, what its header makes of it; then what it is to say, and stays. */
  function speaker(says: readonly object[]): TaskXml {
    return program("ts_1", `'${process.execPath}' '${announces}'`, {
      arguments: [{ action: "started" }, ...says, { action: "updated" }]
        .map((said) => JSON.stringify(said))
        .concat("stay"),
      readyAfterS: NEVER_S,
    });
  }

  const EVENTS = ["started", "updated", "failed", "stopped"] as const;
  const TRIGGERS = { on_start: "start ts_9", on_update: "start ts_9", on_fail: "start ts_9", on_exit: "start ts_9" };

  test("of another task is not recorded, fires nothing, and is counted", async () => {
    await using context = await runContext([
      speaker(EVENTS.map((action) => ({ action, header: { service_id: "ts_2" }, items: { pid: 1 } }))),
      program("ts_2", "sleep 1000", { entry: "on_demand", triggers: TRIGGERS }),
      onDemand,
    ]);
    await using ear = await hearTransitions(context.endpoints);

    await context.start("T1");
    await context.untilSaid("ts_1", "updated");
    const records = await context.client.state("T1");
    const { inputFaults } = context.provider;
    await stopHeard(context, ear);

    expect(inputFaults).toEqual({ "announcement in the name of another": EVENTS.length });
    expect(context.log.all).toContainEqual(
      expect.objectContaining({ phrase: "announcement in the name of another", task: "ts_1", claimed: "ts_2" }),
    );
    expect(records[1]).toMatchObject({ service_id: "ts_2", lifecycle: "defined", action: "created", pid: null });
    expect(ear.pathOf("ts_2")).toEqual(["stopped"]);
    expect(ear.pathOf("ts_9")).toEqual(["stopped"]);
  });

  test("of the context is counted, and ends nothing", async () => {
    const header = { service_id: "context001", service_name: "context" };
    await using context = await runContext([
      speaker(["ended", "exited", "failed"].map((action) => ({ action, header }))),
      program("ts_2", "sleep 1000", { triggers: TRIGGERS }),
      onDemand,
    ]);
    await using ear = await hearTransitions(context.endpoints);

    await context.start("T1");
    await context.untilSaid("ts_1", "updated");
    const running = await context.client.running();
    const records = await context.client.state("T1");
    await stopHeard(context, ear);

    expect(running).toEqual(["T1"]);
    expect(records.slice(0, 2).map(({ lifecycle }) => lifecycle)).toEqual(["running", "running"]);
    expect(context.provider.inputFaults).toEqual({ "announcement in the name of another": 3 });
  });
});
