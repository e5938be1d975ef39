// The records of a task service and of its transaction, as `context_info` and `reply_context` carry them. Aliases rather
// than interfaces: TypeScript takes an alias for a JsonObject as it is, and an interface only with an index signature,
// which would let every misspelt member pass. Pure.
import type { JsonObject } from "./json.ts";
import type { TaskState } from "./task-state.ts";

/** One entry of `tasks`. */
export type TaskRecord = {
  service_id: string;
  pid: number | null;
  /** Last verb or announcement: `defined`, `start`, `created`, `started`, `updated`, … or a word of the task's own. */
  action: string;
  state: "success" | "in_progress";
  serviceName: string;
  instance: string;
  /** The last command to the task as it travelled; absent before the first. */
  task?: JsonObject;
  /** zcontext's own: the state of the lifecycle, and how often the task has run. */
  lifecycle: TaskState;
  runs: number;
  /** Why it is down, waits, or can't be ended; only while that is so. */
  reason?: string;
  /** While it is blocked: the ids of the tasks that are not ready. */
  waits_for?: string[];
  /** When its schedule starts it next, as a time of ISO 8601; absent where none does. */
  next_run?: string;
};

/** A transaction and its tasks. */
export type TransactionRecord = {
  configuration: JsonObject;
  contextId: string;
  contextLogName: string;
  contextName: string;
  tasks: TaskRecord[];
  /** zcontext's own: when it ended; only of one that is over, and shown until another begins. */
  ended?: string;
};
