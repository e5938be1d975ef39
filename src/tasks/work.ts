// The work of a task, in whatever world its scope reaches, and what can be a task at all.
import { setImmediate as breathe } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { Said } from "./announcement.ts";
import type { Task, TaskScope } from "./define.ts";

/** The last announcement of a run, and what was thrown where that is why it ends. */
export interface Ending extends Said {
  action: "stopped" | "failed";
  error?: unknown;
}

/** Runs a task, once or until it is told to stop, and says how that ended; `crash` rejects when it can't go on. */
export async function work<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
  crash: Promise<never>,
): Promise<Ending> {
  const { pid } = process;
  const stopped: Ending = { action: "stopped", result: "success", items: { pid } };
  try {
    await Promise.race([runRounds(task, scope), crash]);
    return scope.signal.aborted ? stopped : { ...stopped, items: {} };
  } catch (error) {
    // Whoever is told to stop may well throw at that.
    if (scope.signal.aborted) return stopped;
    return { action: "failed", result: "failure", items: { pid, reason: reasonOf(error) }, error };
  }
}

async function runRounds<Configuration>(task: Task<Configuration>, scope: TaskScope<Configuration>): Promise<void> {
  do {
    if (scope.signal.aborted) return;
    await task.run(scope);
    await breathe();
  } while (task.kind === "looped");
}

export function isTask(value: unknown): value is Task<unknown> {
  const task = value as Task<unknown> | null | undefined;
  return typeof task?.run === "function" && (task.kind === "single" || task.kind === "looped");
}

/** What is wrong with something that is no task. */
export function describeTask(value: unknown): string {
  const { run, kind } = (value ?? {}) as Partial<Task<unknown>>;
  if (typeof run !== "function") return "a task without the function run";
  return `a task of the kind ${JSON.stringify(kind)}, where "single" or "looped" was expected`;
}
