// Runs a task to its end and says how it ended. Knows neither sockets nor processes: the scope brings them.
import { setImmediate as nextTurn } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { OwnAnnouncement } from "./announcement.ts";
import type { Task, TaskScope } from "./contract/task.ts";

/** The last announcement of a run, and what was thrown where that is why it ends. */
export interface Ending extends OwnAnnouncement {
  action: "stopped" | "failed";
  error?: unknown;
}

/**
 * Runs a task once, or again and again until it is told to stop.
 *
 * @param crash - Rejects when the task can't go on, such as by an uncaught exception.
 * @param caughtUp - Resolves when the next round may begin.
 */
export async function runTask<Configuration>(
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
    // A task may throw when it is told to stop; that is not a failure.
    if (scope.signal.aborted) return stopped;
    return { action: "failed", result: "failure", items: { pid, reason: reasonOf(error) }, error };
  }
}

async function runRounds<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
  caughtUp: () => Promise<void>,
): Promise<void> {
  const { run } = task;
  if (run === undefined) return untilStopped(scope.signal);
  do {
    if (scope.signal.aborted) return;
    await run.call(task, scope);
    await caughtUp();
    await nextTurn();
  } while (task.kind === "looped");
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
