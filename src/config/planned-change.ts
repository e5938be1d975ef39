// What another model of a context changes, as it is planned, and as it came out. Types alone. Pure.
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
