// Stops tasks in the order that depends_on asks for: a task that others need is stopped once those are gone, a level at a
// time.
import { hasProcess } from "../../protocol/task-state.ts";
import type { Cause, SupervisedTask } from "../task/task-contract.ts";
import { mayStop, type States } from "./dependencies.ts";

export interface OrderedStops {
  /** Stops these tasks, each as soon as it may be. */
  begin(ids: readonly string[], cause: Cause): void;
  /** A task is wanted again: it is not to be stopped any more. */
  cancel(id: string): void;
  /** Goes on with what has become possible. */
  advance(): void;
}

export function createOrderedStops(tasks: ReadonlyMap<string, SupervisedTask>, states: () => States): OrderedStops {
  /** Tasks that are to be gone, why, and whether they were told. */
  const stops = new Map<string, { task: SupervisedTask; cause: Cause; isTold: boolean }>();

  function advance(): void {
    for (const [id, { task, isTold }] of stops) {
      const { state, life } = task.standing;
      // Don't wait for a task that a trigger has restarted.
      if (isTold && !(hasProcess(state) && life.requested)) stops.delete(id);
    }
    const toStop = new Set(stops.keys());
    const present = states();
    for (const [id, stop] of stops) {
      if (stop.isTold || !mayStop(id, toStop, present)) continue;
      stop.isTold = true;
      stop.task.stop(stop.cause);
    }
  }

  return {
    begin(ids, cause) {
      // A task that was told before is told again: a trigger may have started it since.
      for (const id of ids) {
        const task = tasks.get(id);
        if (task !== undefined) stops.set(id, { task, cause, isTold: false });
      }
      advance();
      for (const { task, cause: why, isTold } of stops.values()) if (!isTold) task.stopSoon(why);
    },
    cancel: (id) => void stops.delete(id),
    advance,
  };
}
