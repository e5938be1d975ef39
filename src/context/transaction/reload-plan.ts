// What becomes of the tasks of a transaction when another model of the context takes hold, and why: the running definition
// is held against that of the file, whatever the file said before. Pure.
import { resolve } from "node:path";
import { differenceOf, type TaskDifference } from "../../config/changes.ts";
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { entersAtOnce } from "../../config/meaning.ts";
import type { PlannedTask } from "../../config/planned-change.ts";
import { hasProcess, isPending, type TaskState } from "../../protocol/task-state.ts";
import type { Order } from "../task/task-contract.ts";

/** A task as it stands. */
export interface PresentTask {
  task: TaskServiceConfig;
  state: TaskState;
  /** It runs, and is to end. */
  isLeaving: boolean;
  /** Why another run of the same definition would be another one. */
  drift: readonly string[];
}

export interface TransactionPlan {
  tasks: readonly PlannedTask[];
  /** The tasks that are given an order, but for those that are replaced or removed. */
  orders: readonly Order[];
  /** In the file, and not part of a transaction that was started with some tasks of the file only. */
  leftOut: readonly string[];
}

type FileTasks = Pick<ContextConfig, "tasks">;

interface Files {
  /** As the provider has it. */
  old: FileTasks;
  next: FileTasks;
  /** Of the file, where relative locations start. */
  folder: string;
}

/** @param isWhole - It has had every task of the file as it was. */
export function planTransaction(present: readonly PresentTask[], isWhole: boolean, files: Files): TransactionPlan {
  const { old, next } = files;
  const known = present.flatMap((one) => planTask(one, files));
  const isNew = ({ id }: TaskServiceConfig) => present.every(({ task }) => task.id !== id);
  const fresh = next.tasks.filter(isNew);
  const added = isWhole ? fresh : [];
  const oldIds = new Set(old.tasks.map(({ id }) => id));
  return {
    tasks: [
      ...known.map(({ planned }) => planned),
      ...added.map((task): PlannedTask => ({ task: task.id, change: "added", reasons: [addedBecause(task)] })),
    ],
    orders: [
      ...known.flatMap(({ order }) => order ?? []),
      ...added.map((task): Order => ({ task, action: entersAtOnce(task) ? "start" : "define" })),
    ],
    leftOut: isWhole ? [] : fresh.filter(({ id }) => !oldIds.has(id)).map(({ id }) => id),
  };
}

function addedBecause(task: TaskServiceConfig): string {
  return entersAtOnce(task) ? "new in the file" : "new in the file, on demand";
}

function planTask(present: PresentTask, { old, next, folder }: Files): { planned: PlannedTask; order?: Order }[] {
  const { task, state, isLeaving, drift } = present;
  const { id } = task;
  const now = next.tasks.find((one) => one.id === id);
  if (now === undefined) {
    // One that came by message is not the file's to remove.
    if (old.tasks.every((one) => one.id !== id)) return [];
    return [{ planned: { task: id, change: "removed", reasons: ["no longer in the file"] } }];
  }
  const { effect, reasons } = whatChanged(task, now, { drift, folder });
  const isDue = state === "defined" && entersAtOnce(now) && !entersAtOnce(task);
  if (isDue) return [{ planned: { task: id, change: "in-place", reasons }, order: { task: now, action: "start" } }];
  const isToRun = (hasProcess(state) && !isLeaving) || isPending(state);
  // One that has failed may do better with what has changed.
  const isToRunAgain = (isToRun && effect === "restart") || (state === "failed" && effect !== "same");
  if (!isToRunAgain) return [{ planned: { task: id, change: effect === "restart" ? "in-place" : effect, reasons } }];
  if (now.supervision.rolling && state === "running") return [{ planned: { task: id, change: "rolling", reasons } }];
  return [{ planned: { task: id, change: "restart", reasons }, order: { task: now, action: "restart" } }];
}

function whatChanged(
  task: TaskServiceConfig,
  now: TaskServiceConfig,
  { drift, folder }: Pick<PresentTask, "drift"> & { folder: string },
): TaskDifference {
  const { effect, reasons } = differenceOf(located(task, folder), located(now, folder));
  return { effect: drift.length > 0 ? "restart" : effect, reasons: [...reasons, ...drift] };
}

// A command gives the location of a task as an absolute path.
function located(task: TaskServiceConfig, folder: string): TaskServiceConfig {
  const { location } = task.configuration;
  if (typeof location !== "string" || location === "") return task;
  return { ...task, configuration: { ...task.configuration, location: resolve(folder, location) } };
}

/** The same where no transaction has the tasks: what another start would find. */
export function planFile({ old, next, folder }: Files): PlannedTask[] {
  const known = old.tasks.map((task): PlannedTask => {
    const now = next.tasks.find(({ id }) => id === task.id);
    if (now === undefined) return { task: task.id, change: "removed", reasons: ["no longer in the file"] };
    const { effect, reasons } = whatChanged(task, now, { drift: [], folder });
    return { task: task.id, change: effect === "same" ? "same" : "in-place", reasons };
  });
  const isNew = ({ id }: TaskServiceConfig) => old.tasks.every((task) => task.id !== id);
  const added = next.tasks.filter(isNew);
  return [
    ...known,
    ...added.map((task): PlannedTask => ({ task: task.id, change: "added", reasons: [addedBecause(task)] })),
  ];
}
