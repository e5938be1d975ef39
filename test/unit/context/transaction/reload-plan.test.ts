import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { type PresentTask, planFile, planTransaction } from "../../../../src/context/transaction/reload-plan.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

const other = (id: string, but: Partial<TaskServiceConfig> = {}) =>
  task(id, { configuration: { device_action: "whisper" }, ...but });
const rolling = { supervision: { ...DEFAULT_SUPERVISION, rolling: true } };

function present(one: TaskServiceConfig, state: TaskState = "running", drift: string[] = []): PresentTask {
  return { task: one, state, isLeaving: false, drift };
}

function plan(
  tasks: PresentTask[],
  next: TaskServiceConfig[],
  { isWhole = true, old = tasks.map((one) => one.task) } = {},
) {
  return planTransaction(tasks, isWhole, { old: { tasks: old }, next: { tasks: next }, folder: "/srv/app" });
}

const inWords = ({ tasks, orders }: ReturnType<typeof plan>) => ({
  tasks: tasks.map(({ task: id, change }) => `${change} ${id}`),
  orders: orders.map((order) => `${order.action} ${order.task.id}`),
});

describe("what becomes of a task when another model takes hold", () => {
  test("nothing, where its definition is the same", () => {
    expect(plan([present(task("a"))], [task("a")])).toEqual({
      tasks: [{ task: "a", change: "same", reasons: [] }],
      orders: [],
      leftOut: [],
    });
  });

  test("the running definition counts, whatever the file said before", () => {
    const asStarted = [present(other("a"))];

    expect(inWords(plan(asStarted, [other("a")], { old: [task("a")] })).tasks).toEqual(["same a"]);
    expect(inWords(plan(asStarted, [task("a")], { old: [task("a")] })).tasks).toEqual(["restart a"]);
  });

  test("a location is the same, absolute or relative to the file", () => {
    const at = (location: string) => task("a", { configuration: { location } });

    expect(inWords(plan([present(at("/srv/app/services"))], [at("services")])).tasks).toEqual(["same a"]);
    expect(inWords(plan([present(at("/srv/app/services"))], [at("elsewhere")])).tasks).toEqual(["restart a"]);
  });

  test.each<[TaskState, string, string[]]>([
    ["running", "restart", ["restart a"]],
    ["starting", "restart", ["restart a"]],
    ["backingOff", "restart", ["restart a"]],
    ["blocked", "restart", ["restart a"]],
    ["failed", "restart", ["restart a"]],
    ["stopped", "in-place", []],
    ["exited", "in-place", []],
    ["defined", "in-place", []],
  ])("another definition of one that is %s: %s", (state, change, orders) => {
    expect(inWords(plan([present(task("a"), state)], [other("a")]))).toEqual({ tasks: [`${change} a`], orders });
  });

  test("one that is to stop is not started again by it", () => {
    expect(inWords(plan([{ ...present(task("a"), "stopping"), isLeaving: true }], [other("a")])).orders).toEqual([]);
  });

  test("other code restarts it, and that is said", () => {
    expect(plan([present(task("a"), "running", ["its code changed"])], [task("a")]).tasks).toEqual([
      { task: "a", change: "restart", reasons: ["its code changed"] },
    ]);
  });

  test("a rolling one that runs is replaced, and restarted where there is nothing to keep up", () => {
    expect(inWords(plan([present(task("a"))], [other("a", rolling)]))).toEqual({ tasks: ["rolling a"], orders: [] });
    expect(inWords(plan([present(task("a"), "backingOff")], [other("a", rolling)])).tasks).toEqual(["restart a"]);
  });

  test("one on demand that is to run from now on is started", () => {
    expect(inWords(plan([present(task("a", { entry: "on_update" }), "defined")], [task("a")])).orders).toEqual([
      "start a",
    ]);
  });

  test("one that has left the file is removed, and one that a message has brought is not", () => {
    const tasks = [present(task("a")), present(task("b"))];

    expect(inWords(plan(tasks, [task("c")], { old: [task("a")] })).tasks).toEqual(["removed a", "added c"]);
  });

  test("new ones start or wait on demand, but not where the transaction had only some of the file", () => {
    const next = [task("a"), task("b"), task("c", { entry: "on_fail" })];

    expect(inWords(plan([present(task("a"))], next))).toEqual({
      tasks: ["same a", "added b", "added c"],
      orders: ["start b", "define c"],
    });
    expect(plan([present(task("a"))], next, { isWhole: false, old: [task("a"), task("b")] })).toMatchObject({
      tasks: [{ task: "a" }],
      orders: [],
      leftOut: ["c"],
    });
  });
});

test("without a transaction, what another start would find is told", () => {
  const files = {
    old: { tasks: [task("a"), task("b"), task("d")] },
    next: { tasks: [task("a"), other("b"), task("c")] },
  };

  const planned = planFile({ ...files, folder: "/" }).map(({ task: id, change }) => `${change} ${id}`);

  expect(planned).toEqual(["same a", "in-place b", "removed d", "added c"]);
});
