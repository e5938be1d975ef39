// The work of a task, in whatever world its scope reaches.
import { setImmediate as breathe } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { Said } from "./announcement.ts";
import type { Task, TaskScope } from "./define.ts";

/** The last announcement of a run, and what was thrown where that is why it ends. */
export interface Ending extends Said {
  action: "stopped" | "failed";
  error?: unknown;
}

/**
 * Runs a task, once or until it is told to stop, and says how that ended; `crash` rejects when it can't go on, and the
 * next round waits until it has caught up.
 */
export async function work<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
  crash: Promise<never>,
  caughtUp: () => Promise<void> = async () => {},
): Promise<Ending> {
  const { pid } = process;
  const stopped: Ending = { action: "stopped", result: "success", items: { pid } };
  try {
    await Promise.race([runRounds(task, scope, caughtUp), crash]);
    return scope.signal.aborted ? stopped : { ...stopped, items: {} };
  } catch (error) {
    // Whoever is told to stop may well throw at that.
    if (scope.signal.aborted) return stopped;
    return { action: "failed", result: "failure", items: { pid, reason: reasonOf(error) }, error };
  }
}

async function runRounds<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
  caughtUp: () => Promise<void>,
): Promise<void> {
  do {
    if (scope.signal.aborted) return;
    await task.run(scope);
    await caughtUp();
    await breathe();
  } while (task.kind === "looped");
}
