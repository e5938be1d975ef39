// What another model of a context changes, as it is planned, as it came out, and as it travels. Pure.
import type { JsonObject } from "../protocol/json.ts";
import type { ContextChange } from "./changes.ts";

/**
 * `rolling`: another run is ready before the present one stops. `in-place`: its process, if it has one, goes on; the
 * definition holds from now on, or from its next run on.
 */
export type TaskChange = "added" | "removed" | "restart" | "rolling" | "in-place" | "same";

export interface PlannedTask {
  task: string;
  change: TaskChange;
  reasons: readonly string[];
}

/** What a change does to one task. */
export interface PlannedChange extends PlannedTask {
  /** Empty where no transaction has the task. */
  transaction: string;
  /** How it came out, once the change has been applied: absent where nothing was to be done. */
  outcome?: "success" | "failure" | undefined;
  /** Why it is no success. */
  fault?: string | undefined;
}

export interface ReloadPlan {
  /** Of the model that holds. */
  generation: number;
  tasks: readonly PlannedChange[];
  /** What has changed beside the tasks. */
  context: readonly ContextChange[];
  /** What a person may want to know besides. */
  notes: readonly string[];
}

/** Whether there is something to be done, or that can't be done without a new start. */
export function isAnyChange({ tasks, context }: Pick<ReloadPlan, "tasks" | "context">): boolean {
  return context.length > 0 || tasks.some(({ change }) => change !== "same");
}

/** Whether a task does not stand as the change wanted it. */
export function hasFailed({ tasks }: ReloadPlan): boolean {
  return tasks.some(({ outcome }) => outcome === "failure");
}

/** A plan as it travels. */
export function planJson({ generation, tasks, context, notes }: ReloadPlan): JsonObject {
  return {
    generation,
    tasks: tasks.map(({ reasons, ...task }) => ({ ...task, reasons: [...reasons] })),
    context: context.map((one) => ({ ...one })),
    notes: [...notes],
  };
}
