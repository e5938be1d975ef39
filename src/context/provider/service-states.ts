// What the broker is told about services: which of them are worth waiting for. Pure.
import type { ServiceState } from "../../protocol/bus-figures.ts";
import { taskAddress } from "../../protocol/task-address.ts";
import { hasProcess, isPending, type TaskState } from "../../protocol/task-state.ts";

interface Transaction {
  transaction: string;
  tasks: readonly { service_id: string; serviceName: string; lifecycle: TaskState }[];
}

/**
 * The state of each service by its name, and of each task by its address; with several tasks of a name, that of the one
 * that is furthest.
 */
export function serviceStates(transactions: readonly Transaction[]): ReadonlyMap<string, ServiceState> {
  const states = new Map<string, ServiceState>();
  const add = (name: string, state: ServiceState) => {
    const known = states.get(name);
    if (known === undefined || RANK[state] > RANK[known]) states.set(name, state);
  };
  for (const { transaction, tasks } of transactions) {
    for (const { service_id, serviceName, lifecycle } of tasks) {
      const state = stateOf(lifecycle);
      add(serviceName, state);
      add(taskAddress(service_id, transaction), state);
    }
  }
  return states;
}

const RANK: Record<ServiceState, number> = { gone: 0, starting: 1, running: 2 };

// One that is being ended may be about to start again; once it is at rest, it is gone.
function stateOf(state: TaskState): ServiceState {
  if (state === "running") return "running";
  return hasProcess(state) || isPending(state) ? "starting" : "gone";
}
