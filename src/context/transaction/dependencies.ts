// The order that depends_on asks for: who waits for whom to be ready, and who has to be gone before another is stopped.
// Pure; it looks at states and starts nothing. The reader of the file has refused cycles. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { hasProcess, type TaskState } from "../../protocol/task-state.ts";

/** The tasks of one transaction by id, as they stand. */
export type States = ReadonlyMap<string, { task: TaskServiceConfig; state: TaskState }>;

/** What a task still waits for, in a clause for people: `ts001 (starting)`; empty when nothing is missing. */
export function missingFor({ supervision }: TaskServiceConfig, states: States): string {
  return supervision.dependsOn
    .map((id) => ({ id, state: states.get(id)?.state ?? "defined" }))
    .filter(({ state }) => !isReady(state))
    .map(({ id, state }) => `${id} (${state})`)
    .join(", ");
}

// One that has done its work and ended well was ready, and need not be so any more.
function isReady(state: TaskState): boolean {
  return state === "running" || state === "exited";
}

/**
 * Whether a task may be stopped: nobody of those that are to be stopped as well still needs it. Who can't be ended may
 * live for ever, and is not waited for.
 */
export function mayStop(id: string, toStop: ReadonlySet<string>, states: States): boolean {
  return [...toStop].every((other) => {
    const dependent = states.get(other);
    if (dependent === undefined || !hasProcess(dependent.state) || dependent.state === "stuck") return true;
    return !needs(dependent.task, id);
  });
}

/** How long an orderly stop of these may take: the grace periods of who needs whom follow on each other, in milliseconds. */
export function longestStopMs(tasks: readonly TaskServiceConfig[]): number {
  const known = new Map<string, number>();
  // The reader of the file has refused cycles.
  const stopMsOf = (task: TaskServiceConfig): number => {
    const { id, supervision } = task;
    const before = tasks.filter((other) => needs(other, id)).map((other) => known.get(other.id) ?? stopMsOf(other));
    const stopMs = supervision.graceMs + Math.max(0, ...before);
    known.set(id, stopMs);
    return stopMs;
  };
  return Math.max(0, ...tasks.map(stopMsOf));
}

function needs({ supervision }: TaskServiceConfig, id: string): boolean {
  return supervision.dependsOn.includes(id);
}
