// Stops tasks in the order that depends_on asks for: a task that others need is stopped once those are gone, a level at a
// time.
import { hasProcess } from "../../protocol/task-state.ts";
import type { Cause, SupervisedTask } from "../task/task-contract.ts";
import { mayStop, type States } from "./dependencies.ts";

export interface OrderedStops {
  /** Stops these tasks, each as soon as it may be. */
  begin(ids: readonly string[], cause: Cause): void;
  /** A task is started: where it still waits to be stopped, it runs again after that. */
  startAfter(id: string): void;
  /** A task is restarted at once: it is not to be stopped any more. */
  cancel(id: string): void;
  /** Goes on with what has become possible. */
  advance(): void;
}

export function createOrderedStops(tasks: ReadonlyMap<string, SupervisedTask>, states: () => States): OrderedStops {
  /** Tasks that are to be gone, why, whether they were told, and whether they are to run again then. */
  const stops = new Map<string, { task: SupervisedTask; cause: Cause; isTold: boolean; again: boolean }>();

  function advance(): void {
    for (const [id, { task, isTold, again }] of stops) {
      const { state, life } = task.standing;
      // Don't wait for a task that a trigger has restarted, nor stop one that has run again already.
      if ((isTold || again) && !(hasProcess(state) && life.requested)) stops.delete(id);
    }
    const toStop = new Set(stops.keys());
    const present = states();
    for (const [id, stop] of stops) {
      if (stop.isTold || !mayStop(id, toStop, present)) continue;
      stop.isTold = true;
      if (stop.again) stop.task.restartWith(0, stop.cause);
      else stop.task.stop(stop.cause);
    }
  }

  return {
    begin(ids, cause) {
      // A task that was told before is told again: a trigger may have started it since.
      for (const id of ids) {
        const task = tasks.get(id);
        if (task !== undefined) stops.set(id, { task, cause, isTold: false, again: false });
      }
      advance();
      for (const { task, cause: why, isTold } of stops.values()) if (!isTold) task.stopSoon(why);
    },
    startAfter(id) {
      const stop = stops.get(id);
      if (stop === undefined) return;
      if (stop.isTold || !hasProcess(stop.task.standing.state)) stops.delete(id);
      else stop.again = true;
    },
    cancel: (id) => void stops.delete(id),
    advance,
  };
}
