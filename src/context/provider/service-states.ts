// What the broker is told about services: which of them are worth waiting for. Pure.
import type { ServiceState } from "../../protocol/bus-figures.ts";
import { hasProcess, isPending, type TaskState } from "../../protocol/task-state.ts";

/** The state of each service by its name; with several tasks of a name, that of the one that is furthest. */
export function serviceStates(
  tasks: readonly { serviceName: string; lifecycle: TaskState }[],
): ReadonlyMap<string, ServiceState> {
  const states = new Map<string, ServiceState>();
  for (const { serviceName, lifecycle } of tasks) {
    const state = stateOf(lifecycle);
    const known = states.get(serviceName);
    if (known === undefined || RANK[state] > RANK[known]) states.set(serviceName, state);
  }
  return states;
}

const RANK: Record<ServiceState, number> = { gone: 0, starting: 1, running: 2 };

// One that is being ended may be about to start again; once it is at rest, it is gone.
function stateOf(state: TaskState): ServiceState {
  if (state === "running") return "running";
  return hasProcess(state) || isPending(state) ? "starting" : "gone";
}
