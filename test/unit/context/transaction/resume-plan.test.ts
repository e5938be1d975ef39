// What of a transaction is taken up after its provider was killed, and what its file, changed meanwhile, adds to it.
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { formatTaskService } from "../../../../src/config/task-service.ts";
import type { ResumableTask } from "../../../../src/context/journal/recall.ts";
import { planResume } from "../../../../src/context/transaction/resume-plan.ts";
import { task } from "../task.ts";

const camera = task("camera");
const lidar = task("lidar");
const onDemand = task("lidar", { entry: "on_update" });

function left(id: string, known: Partial<ResumableTask> = {}): ResumableTask {
  return { id, state: "running", isWanted: true, runs: 1, exits: [], ...known };
}

/** The plan in words. */
function planOf(tasks: readonly ResumableTask[], file: TaskServiceConfig[], isWhole = true) {
  const plan = planResume(
    { id: "T1", contextName: "context", tasks, isWhole },
    { tasks: file, supervision: DEFAULT_SUPERVISION },
  );
  return {
    again: plan.again.map(({ id }) => id),
    added: plan.added.map((order) => `${order.action} ${order.task.id}`),
    remarks: plan.remarks.map((remark) => `${remark.tasks.join()}: ${remark.phrase}`),
  };
}

describe("a task that was added to the file", () => {
  test("is started with a transaction that had all tasks of the file", () => {
    expect(planOf([left("camera")], [camera, lidar])).toEqual({
      again: ["camera"],
      added: ["start lidar"],
      remarks: ["lidar: added by the file since, started"],
    });
  });

  test("is registered where it is on demand", () => {
    expect(planOf([left("camera")], [camera, onDemand])).toMatchObject({
      added: ["define lidar"],
      remarks: ["lidar: added by the file since, on demand"],
    });
  });

  test("is not started with a transaction that had some of them only, and the log says why", () => {
    expect(planOf([left("camera")], [camera, lidar], false)).toEqual({
      again: ["camera"],
      added: [],
      remarks: ["lidar: not started: the transaction was started with some tasks of the file only"],
    });
  });

  test("is not started with one that was being stopped", () => {
    const stopping = left("camera", { state: "stopping", isWanted: false });

    expect(planOf([stopping], [camera, lidar])).toEqual({ again: [], added: [], remarks: [] });
  });
});

describe("a task whose entry was changed in the file", () => {
  test("to on_start is started, where it waited on demand", () => {
    expect(planOf([left("camera"), left("lidar", { state: "defined", isWanted: false })], [camera, lidar])).toEqual({
      again: ["camera"],
      added: ["start lidar"],
      remarks: ["lidar: added by the file since, started"],
    });
  });

  test("from on_start goes on where it ran", () => {
    expect(planOf([left("camera"), left("lidar")], [camera, onDemand])).toMatchObject({
      again: ["camera", "lidar"],
      added: [],
    });
  });

  test.each(["stopped", "exited", "failed"] as const)("is not started where it had %s", (state) => {
    expect(planOf([left("camera"), left("lidar", { state, isWanted: false })], [camera, lidar]).added).toEqual([]);
  });

  test("is resumed as its command defined it, and the log says that the file differs", () => {
    const body = { ...formatTaskService(onDemand, { action: "start" }) };

    expect(planOf([left("lidar", { body: JSON.parse(JSON.stringify(body)) })], [lidar])).toMatchObject({
      again: ["lidar"],
      remarks: ["lidar: resumed as their command defined them, though the file has another entry or other triggers"],
    });
  });
});

test("a task that is gone from the file is not resumed, and the log says so", () => {
  expect(planOf([left("camera"), left("sonar")], [camera])).toEqual({
    again: ["camera"],
    added: [],
    remarks: ["sonar: not resumed: no longer in the file"],
  });
});
