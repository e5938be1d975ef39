// The order that depends_on asks for: which tasks must be ready before another starts, and which must be gone before
// another is stopped. The reader of the file has refused cycles. Pure.
import type { Strategy, TaskServiceConfig } from "../../config/context-config.ts";
import { hasProcess, type TaskState } from "../../protocol/task-state.ts";
import type { Missing } from "../task/life.ts";

/** The tasks of one transaction by id, as they stand. */
export type States = ReadonlyMap<string, { task: TaskServiceConfig; state: TaskState }>;

/** The tasks that a task still waits for, in the order of its definition; empty when all are ready. */
export function missingFor({ supervision }: TaskServiceConfig, states: States): Missing[] {
  return supervision.dependsOn
    .map((id) => ({ id, state: states.get(id)?.state ?? ("defined" as const) }))
    .filter(({ state }) => !isReady(state));
}

// One that has done its work and ended well was ready, and need not be so any more.
function isReady(state: TaskState): boolean {
  return state === "running" || state === "exited";
}

/**
 * Whether a task may be stopped: no task that is to be stopped as well still needs it. One that can't be ended may live
 * for ever, and is not waited for.
 */
export function mayStop(id: string, toStop: ReadonlySet<string>, states: States): boolean {
  return [...toStop].every((other) => {
    const dependent = states.get(other);
    if (dependent === undefined || !hasProcess(dependent.state) || dependent.state === "stuck") return true;
    return !needs(dependent.task, id);
  });
}

/** How long an orderly stop of these may take: the grace periods along a chain of dependencies add up, in milliseconds. */
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

/** The tasks that the strategy of the context restarts with one of them; all are in the order of the file. */
export function restartedWith<Task>(task: Task, all: readonly Task[], strategy: Strategy): readonly Task[] {
  switch (strategy) {
    case "one_for_one":
      return [];
    case "rest_for_one":
      return all.slice(all.indexOf(task) + 1);
    case "one_for_all":
      return all.filter((other) => other !== task);
  }
}
