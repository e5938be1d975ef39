import { describe, expect, test } from "vitest";
import { formatRecord, readRecord } from "../../../../src/context/journal/records.ts";
import { newRecord, standingAt } from "../../../../src/context/task/record.ts";
import type { Change, SupervisedTask } from "../../../../src/context/task/task-contract.ts";
import { frameOf, transitionOf } from "../../../../src/context/transaction/transition.ts";
import type { Exit } from "../../../../src/launch/process/running-program.ts";
import { lifeAfter, type Word } from "../task/life.ts";
import { task } from "../task.ts";

const MOMENT = { monotonicMs: 12_345.678, time: "2026-03-01T10:00:00.000Z" };
const PROVIDER = { contextId: "context001", incarnation: "i-1" };
const UP: Word[] = ["start", "spawned", "started"];

const exit = (but: Partial<Exit>): Exit => ({ code: null, signal: null, wasKilled: false, ended: [], ...but });

const ended = (signal: "SIGTERM" | "SIGKILL") => ({ pid: 4313, name: "sh", signal });

/** A task that has lived through this; only what can be seen of it. */
function seen(words: Word[], but: Partial<SupervisedTask> = {}): SupervisedTask {
  const { standing } = lifeAfter(...words);
  const ts001 = task("ts001");
  const record = standingAt(newRecord(ts001), standing);
  const memory = { ends: [], streak: 0 };
  return { task: ts001, standing, record, memory, lastExit: undefined, ...but } as unknown as SupervisedTask;
}

function moved(supervised: SupervisedTask, change: Partial<Change> = {}) {
  const at = { transaction: "T1", sequence: 7, moment: MOMENT };
  return transitionOf(supervised, { from: "starting", event: "started", reasons: [], ...change }, at);
}

describe("the record of a transition", () => {
  test("says who, from where, to where, by what and when", () => {
    expect(moved(seen(UP))).toEqual({
      kind: "moved",
      transaction: "T1",
      task: "ts001",
      sequence: 7,
      from: "starting",
      to: "running",
      event: "started",
      run: 1,
      pid: 4312,
      isWanted: true,
      exits: [],
      ...MOMENT,
    });
  });

  test("leaves out what there is nothing to say of", () => {
    const record = moved(seen(["start"]), { from: "defined", event: "start" });

    for (const name of ["pid", "cause", "code", "signal"]) expect(record).not.toHaveProperty(name);
  });

  test("gives the cause where there is more to say than the event does", () => {
    expect(moved(seen(UP), { cause: { kind: "trigger", event: "on_exit", task: "ts002" } })).toMatchObject({
      cause: "on_exit of ts002",
    });
    expect(moved(seen(UP), { reasons: ["not ready within 30 s"] })).toMatchObject({ cause: "not ready within 30 s" });
  });

  test.each<[Partial<Exit>, object, string]>([
    [{ code: 3 }, { code: 3 }, "signal"],
    [{ code: 0 }, { code: 0 }, "signal"],
    [{ signal: "SIGKILL" }, { signal: "SIGKILL" }, "code"],
  ])("tells the end %o", (how, shown, absent) => {
    const record = moved(seen([...UP, "crash"], { lastExit: exit(how) }), { event: "exit" });

    expect(record).toMatchObject(shown);
    expect(record).not.toHaveProperty(absent);
  });

  test.each<[string, Word[], boolean]>([
    ["runs", UP, true],
    ["waits for its backoff", [...UP, "crashAndBack"], true],
    ["waits for others", ["needsOther", "start"], true],
    ["is being stopped", [...UP, "stop"], false],
    ["is being restarted", [...UP, "restart"], true],
    ["is to be stopped soon", [...UP, "stopSoon"], false],
    ["has ended", [...UP, "end"], false],
    ["has failed", [...UP, "crash"], false],
    ["ends by itself", [...UP, "stopped"], true],
  ])("says whether a provider that comes back has to start a task that %s", (_, words, isWanted) => {
    expect(moved(seen(words))).toMatchObject({ isWanted });
  });

  test("keeps the ends that count for its restart intensity", () => {
    expect(moved(seen(UP, { memory: { ends: [1, 2.5], streak: 2 } }))).toMatchObject({ exits: [1, 2.5] });
  });

  test.each<[Word[]]>([[["start"]], [UP], [[...UP, "crash"]], [["needsOther", "start"]]])(
    "can be written to the journal after %s",
    (words) => {
      const record = moved(seen(words, { lastExit: exit({ signal: "SIGSEGV" }) }), { reasons: ["x"] });

      expect(readRecord(formatRecord(record).slice(0, -1))).toEqual(record);
    },
  );
});

describe("the frame of a transition", () => {
  const frame = (supervised: SupervisedTask, change: Partial<Change> = {}) =>
    frameOf(moved(supervised, change), PROVIDER, supervised);

  test("travels on its own topic, with names as the wire has them", () => {
    expect(frame(seen(UP, { memory: { ends: [1, 2, 3], streak: 3 } }))).toEqual({
      topic: "transition",
      body: {
        transaction: "T1",
        task: "ts001",
        sequence: 7,
        from: "starting",
        to: "running",
        event: "started",
        run: 1,
        pid: 4312,
        time: MOMENT.time,
        context_id: "context001",
        incarnation: "i-1",
        is_wanted: true,
        monotonic_ms: 12_346,
        restarts_counted: 3,
      },
    });
  });

  test("says nothing of an end before there was one", () => {
    for (const name of ["escalated", "killed"]) expect(frame(seen(UP)).body).not.toHaveProperty(name);
  });

  test.each<[string, Partial<Exit>, boolean]>([
    ["left by itself", { code: 0 }, false],
    ["left something behind that went when it was asked", { code: 0, ended: [ended("SIGTERM")] }, false],
    ["had to be killed", { signal: "SIGKILL", wasKilled: true }, true],
    ["left something behind that had to be killed", { code: 0, ended: [ended("SIGTERM"), ended("SIGKILL")] }, true],
  ])("says what it took to end a task that %s", (_, how, escalated) => {
    const lastExit = exit(how);

    const { body } = frame(seen([...UP, "end"], { lastExit }), { event: "exit" });

    expect(body).toMatchObject({ escalated, killed: lastExit.ended });
  });

  test("is JSON through and through", () => {
    const { body } = frame(seen(UP));

    expect(JSON.parse(JSON.stringify(body))).toEqual(body);
  });
});
