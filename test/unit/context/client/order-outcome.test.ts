import { describe, expect, test } from "vitest";
import { isContrary, judge, waitingInVain } from "../../../../src/context/client/order-outcome.ts";
import { newRecord } from "../../../../src/context/task/record.ts";
import type { TaskRecord } from "../../../../src/protocol/task-record.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

function shown(id: string, lifecycle: TaskState, reason?: string): TaskRecord {
  return { ...newRecord(task(id)), lifecycle, ...(reason === undefined ? {} : { reason }) };
}

const outcomeOf = (order: string, state: TaskState, hasStarted = false) =>
  judge(order, shown("app", state), hasStarted).outcome;

describe("a start or restart", () => {
  test.each(["start", "restart"])("is under way while its task is on its way: %s", (order) => {
    const states = ["blocked", "starting", "backingOff", "stopping", "unready", "unresponsive", "stuck"] as const;

    expect(states.filter((state) => outcomeOf(order, state, true) !== "underway")).toEqual([]);
  });

  test("has succeeded when its task runs, or has ended well", () => {
    expect([outcomeOf("start", "running"), outcomeOf("start", "exited")]).toEqual(["success", "success"]);
  });

  test("has failed when its task has failed, and says why", () => {
    expect(judge("start", shown("app", "failed", "the pump is dry"), false)).toEqual({
      outcome: "failure",
      reason: "the pump is dry",
    });
  });

  test("has succeeded for a task that was stopped only if that has run", () => {
    expect(judge("start", shown("app", "stopped"), true)).toEqual({ outcome: "success" });
    expect(judge("start", shown("app", "stopped"), false)).toEqual({
      outcome: "failure",
      reason: "was stopped before it ran",
    });
  });
});

test("a stop has succeeded when nothing of its task is left", () => {
  const states = ["stopped", "exited", "failed", "stopping", "stuck", "running", "backingOff"] as const;

  expect(states.filter((state) => outcomeOf("stop", state) === "success")).toEqual(["stopped", "exited", "failed"]);
  expect(judge("stop", undefined, false)).toEqual({ outcome: "success" });
});

test("a stop and a start are contrary, whichever is the later one; others are not", () => {
  const orders = ["start", "restart", "stop", "define"];

  const contrary = orders.flatMap((order) => orders.filter((later) => isContrary(order, later)).map((l) => [order, l]));

  expect(contrary).toEqual([
    ["start", "stop"],
    ["restart", "stop"],
    ["stop", "start"],
    ["stop", "restart"],
  ]);
});

describe("a task waits in vain", () => {
  const db = shown("db", "failed", "the disk is full");
  const app = shown("app", "blocked", "waits for db (failed)");

  test("for one that has failed, and for one that waits in vain itself", () => {
    const web = shown("web", "blocked", "waits for cache (running), app (blocked)");

    expect([...waitingInVain([web, app, db, shown("cache", "running")])].sort()).toEqual(["app", "web"]);
  });

  test("never while another one is on its way, for that may start the failed one again", () => {
    expect(waitingInVain([app, db, shown("nurse", "starting")]).size).toBe(0);
    expect(waitingInVain([app, db, shown("nurse", "backingOff", "crashed")]).size).toBe(0);
  });

  test("never for one that was stopped, or has a longer name than one that has failed", () => {
    expect(waitingInVain([shown("app", "blocked", "waits for db (stopped)"), shown("db", "stopped")]).size).toBe(0);
    expect(
      waitingInVain([db, shown("app", "blocked", "waits for my-db (stopped)"), shown("my-db", "stopped")]),
    ).toEqual(new Set());
  });
});
