// Tasks that live and give no sign of it.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createRestartHistory } from "../../src/context/task/restart-history.ts";
import { createLiveness } from "../../src/liveness.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import { type Attributes, runContext, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, untilGone } from "../support/processes.ts";
import { stopHeard } from "./runs.ts";
import { hearTransitions, leaveNothing, program, script, type Transition, until } from "./support.ts";

leaveNothing();
afterEach(() => void vi.useRealTimers());

const WATCHFUL: Attributes = { heartbeat_s: 0.1, heartbeat_timeout_s: 1.5, grace_s: 0.1 };
const QUICK: Attributes = { backoff_min_s: 0.01, backoff_max_s: 0.02 };

/** A task that is looked after closely. */
function watched(instance: string, but: Partial<TaskXml> = {}): TaskXml {
  return { id: "ts_1", instance, ...but, supervision: { ...WATCHFUL, ...but.supervision } };
}

const steady: TaskXml = { id: "ts_2", instance: "Steady" };

describe("F7: a blocked event loop is unresponsive, and then its policy counts", () => {
  test.each([
    ["while (true)", "SpinsForEver"],
    ["Atomics.wait", "BlocksItsLoop"],
    ["a synchronous read of a FIFO", "ReadsAFifo"],
  ])("%s", async (_, instance) => {
    await using fifo = await makeFifo();
    await using context = await runContext([
      watched(instance, {
        configuration: `<device_action>test</device_action><fifo>${fifo.path}</fifo>`,
        supervision: { ...QUICK, restart: "on-failure", max_restarts: 1 },
        triggers: { on_fail: "start ts_3" },
      }),
      steady,
      program("ts_3", "sleep 1000", { entry: "on_demand" }),
    ]);
    await using ear = await hearTransitions(context.endpoints);

    context.provider.start("T1");
    const { pid } = await ear.until("ts_1", "running");
    const unresponsive = await ear.until("ts_1", "unresponsive");
    const gone = await ear.until("ts_1", "backingOff");
    const isThere = await isLiving(pid as number);
    const failed = await context.untilState("T1", "ts_1", "failed");
    await ear.until("ts_3", "running");
    await stopHeard(context, ear);

    expect(unresponsive.cause).toBe("no heartbeat for 1.5 s");
    expect([gone.signal, isThere]).toEqual(["SIGKILL", false]);
    const path = ["starting", "running", "unresponsive"];
    expect(ear.pathOf("ts_1")).toEqual([...path, "backingOff", ...path, "failed"]);
    expect(failed.reason).toContain("no heartbeat for 1.5 s");
    expect(ear.pathOf("ts_2")).toEqual(["starting", "running", "stopping", "stopped"]);
  });
});

describe("F8: a task that is halted", () => {
  test("for good is treated as one with a blocked loop", async () => {
    await using context = await runContext([watched("Steady"), steady]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid } = (await ear.until("ts_1", "running")) as Transition & { pid: number };

    process.kill(pid, "SIGSTOP");
    await ear.until("ts_1", "failed");
    await untilGone(pid);
    await stopHeard(context, ear);

    expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "unresponsive", "failed"]);
    expect(ear.pathOf("ts_2")).toEqual(["starting", "running", "stopping", "stopped"]);
  });

  test("for good is noticed though it is a program, which has no heartbeat", async () => {
    const halting = { heartbeat_timeout_s: 1.1, restart: "on-failure", ...QUICK };
    await using context = await runContext([program("ts_1", "sleep 1000", { supervision: halting })], {
      watch: (source) => startMonitor({ ...source, sampler: createSampler(), periodMs: 50 }),
    });
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid } = (await ear.until("ts_1", "running")) as Transition & { pid: number };

    process.kill(pid, "SIGSTOP");
    const unresponsive = await ear.until("ts_1", "unresponsive");
    const gone = await ear.until("ts_1", "backingOff");
    await stopHeard(context, ear);

    expect(unresponsive.cause).toBe("halted by a signal for 1.1 s");
    expect(gone).toMatchObject({ event: "exit", signal: "SIGTERM", escalated: false });
  });

  test("can be stopped, and hears what it is told", async () => {
    await using context = await runContext([
      script("ts_1", "trap 'exit 0' TERM; echo 1; while :; do sleep 1000 & wait $!; done", {
        supervision: { grace_s: 3_600 },
      }),
    ]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid } = (await ear.until("ts_1", "running")) as Transition & { pid: number };
    await context.log.first(({ phrase }) => phrase === "output");

    process.kill(pid, "SIGSTOP");
    await context.stop("T1");

    expect(await ear.until("ts_1", "stopped")).toMatchObject({ code: 0 });
  });

  test("and goes on within the timeout is left alone", async () => {
    await using context = await runContext([{ id: "ts_1", instance: "Steady" }]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const { pid } = (await ear.until("ts_1", "running")) as Transition & { pid: number };

    process.kill(pid, "SIGSTOP");
    await until("its halt", () => stateOf(pid) === "T");
    process.kill(pid, "SIGCONT");
    process.kill(pid, "SIGUSR2");
    await context.untilSaid("ts_1", "updated");

    expect(ear.pathOf("ts_1")).toEqual(["starting", "running"]);
    await stopHeard(context, ear);
  });
});

test("a loop that takes all of a core and yields is not unresponsive", async () => {
  await using context = await runContext([watched("SpinsButYields", { supervision: { heartbeat_timeout_s: 1 } })]);
  await using ear = await hearTransitions(context.endpoints);
  await context.start("T1");
  const { pid } = (await ear.until("ts_1", "running")) as Transition & { pid: number };

  // Several times as long as the timeout, by its own account.
  await until("its work", () => cpuTicksOf(pid) > 250);
  await stopHeard(context, ear);

  expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "stopping", "stopped"]);
});

describe("F27: a clock on the wall that jumps", () => {
  const HOUR_MS = 3_600_000;

  test.each([HOUR_MS, -HOUR_MS])("by %i ms changes no heartbeat, no wait and no grace period", async (jumpMs) => {
    await using context = await runContext([
      watched("Steady", { supervision: { heartbeat_timeout_s: 60 } }),
      program("ts_2", "sleep 1000", { supervision: { ...QUICK, restart: "on-failure" } }),
      script("ts_3", "trap '' TERM; echo up; while :; do sleep 1000; done", { supervision: { grace_s: 0.2 } }),
    ]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    const first = await ear.until("ts_2", "running");

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + jumpMs });
    for (const run of [2, 3, 4]) {
      const [last] = ear.all.filter(({ task, to }) => task === "ts_2" && to === "running").slice(-1);
      process.kill(last?.pid as number, "SIGKILL");
      await ear.first((one) => one.task === "ts_2" && one.run === run && one.to === "running");
      vi.setSystemTime(Date.now() + jumpMs);
    }
    const gone = await stopHeard(context, ear);

    const times = ear.all.map(({ time }) => Date.parse(String(time)));
    const clock = ear.all.map(({ monotonic_ms }) => monotonic_ms as number);
    expect(Math.sign((times.at(-1) as number) - Date.parse(String(first.time)) - jumpMs / 2)).toBe(Math.sign(jumpMs));
    expect(clock).toEqual([...clock].sort((one, other) => one - other));
    expect((clock.at(-1) as number) - (clock[0] as number)).toBeLessThan(HOUR_MS / 2);
    expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "stopping", "stopped"]);
    expect(ear.all.findLast(({ task, to }) => task === "ts_2" && to === "starting")?.restarts_counted).toBe(3);
    expect(gone.map(({ lifecycle }) => lifecycle)).toEqual(["stopped", "stopped", "stopped"]);
  });

  test("is not the clock that ends and silences are counted by", () => {
    vi.useFakeTimers();
    let nowMs = 5;
    const silent: number[] = [];
    let look = () => {};
    const liveness = createLiveness({
      everyMs: 250,
      nowMs: () => nowMs,
      every(_, call) {
        look = call;
        return () => {};
      },
      afterReading: (call) => call(),
    });
    const restartHistory = createRestartHistory(
      () => nowMs,
      [],
      () => 0.5,
    );
    const supervision = { maxRestarts: 1, periodMs: 1_000, backoffMinMs: 100, backoffMaxMs: 100, onLimit: "fail" };
    const judge = () => restartHistory.byItself(supervision as Parameters<typeof restartHistory.byItself>[0]);
    const watch = liveness.startWatchdog(1_000, (ms) => silent.push(ms));

    watch.beat();
    const answers = [1, -1, 24].map((hours) => {
      vi.setSystemTime(Date.now() + hours * HOUR_MS);
      nowMs += 250;
      look();
      return "delayMs" in (judge() ?? {});
    });

    expect(silent).toEqual([]);
    expect(answers).toEqual([true, false, false]);
    nowMs += 250;
    look();
    expect(silent).toEqual([1_000]);
  });
});

/** A named pipe without a writer. */
async function makeFifo(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await makeFolder();
  const path = folder.at("fifo");
  await promisify(execFile)("mkfifo", [path]);
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function fieldsOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** As the process table has it: `T` is halted. */
function stateOf(pid: number): string | undefined {
  return fieldsOf(pid)[0];
}

/** How long it has computed, in hundredths of a second. */
function cpuTicksOf(pid: number): number {
  return Number(fieldsOf(pid)[11]);
}
