import { describe, expect, test } from "vitest";
import { isContrary, outcomeOf, waitingInVain } from "../../../../src/context/client/order-outcome.ts";
import { newRecord } from "../../../../src/context/task/record.ts";
import type { TaskRecord } from "../../../../src/protocol/task-record.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

function shown(id: string, lifecycle: TaskState, items: { reason?: string; waits_for?: string[] } = {}): TaskRecord {
  return { ...newRecord(task(id)), lifecycle, ...items };
}

const wordFor = (order: string, state: TaskState, hasStarted = false) =>
  outcomeOf(order, shown("app", state), hasStarted)?.outcome;

describe("a start or restart", () => {
  test.each(["start", "restart"])("is under way while its task is on its way: %s", (order) => {
    const states = ["blocked", "starting", "backingOff", "stopping", "unready", "unresponsive", "stuck"] as const;

    expect(states.filter((state) => wordFor(order, state, true) !== undefined)).toEqual([]);
  });

  test("has succeeded when its task runs, or has ended well", () => {
    expect([wordFor("start", "running"), wordFor("start", "exited")]).toEqual(["success", "success"]);
  });

  test("has failed when its task has failed, and says why", () => {
    expect(outcomeOf("start", shown("app", "failed", { reason: "the pump is dry" }), false)).toEqual({
      outcome: "failure",
      reason: "the pump is dry",
    });
  });

  test("has succeeded for a task that was stopped only if that has run", () => {
    expect(outcomeOf("start", shown("app", "stopped"), true)).toEqual({ outcome: "success" });
    expect(outcomeOf("start", shown("app", "stopped"), false)).toEqual({
      outcome: "failure",
      reason: "was stopped before it ran",
    });
  });
});

test("a stop has succeeded when nothing of its task is left", () => {
  const states = ["stopped", "exited", "failed", "stopping", "stuck", "running", "backingOff"] as const;

  expect(states.filter((state) => wordFor("stop", state) === "success")).toEqual(["stopped", "exited", "failed"]);
  expect(outcomeOf("stop", undefined, false)).toEqual({ outcome: "success" });
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
  const db = shown("db", "failed", { reason: "the disk is full" });
  const app = shown("app", "blocked", { waits_for: ["db"] });

  test("for one that has failed, and for one that waits in vain itself", () => {
    const web = shown("web", "blocked", { waits_for: ["cache", "app"] });

    expect([...waitingInVain([web, app, db, shown("cache", "running")])].sort()).toEqual(["app", "web"]);
  });

  test("never while another one is on its way, for that may start the failed one again", () => {
    expect(waitingInVain([app, db, shown("nurse", "starting")]).size).toBe(0);
    expect(waitingInVain([app, db, shown("nurse", "backingOff", { reason: "crashed" })]).size).toBe(0);
  });

  test("never for one that was stopped, or has a longer name than one that has failed", () => {
    expect(waitingInVain([app, shown("db", "stopped")]).size).toBe(0);
    expect(waitingInVain([db, shown("app", "blocked", { waits_for: ["my-db"] }), shown("my-db", "stopped")])).toEqual(
      new Set(),
    );
  });

  test("never by its reason alone, which is a sentence for people", () => {
    expect(waitingInVain([db, shown("app", "blocked", { reason: "waits for db (failed)" })]).size).toBe(0);
  });
});
