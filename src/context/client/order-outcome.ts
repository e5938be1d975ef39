// Decides how an order to a task came out, from the records in which the provider shows its tasks. An announcement alone
// decides nothing: a task that has failed may be about to be restarted. Pure.

import type { TaskRecord } from "../../protocol/task-record.ts";
import type { TaskState } from "../../protocol/task-state.ts";

/** How an order came out. */
export interface OrderOutcome {
  /** `superseded`: a later, contrary order took its place. */
  outcome: "success" | "failure" | "superseded";
  /** Why it is no success. */
  reason?: string;
}

const SUCCESS: OrderOutcome = { outcome: "success" };

/** States that a task leaves only by a command or a trigger, once it has been told to run. */
const ENDED: readonly TaskState[] = ["stopped", "exited", "failed"];

/**
 * How an order came out: `start`, `restart`, `stop` or `define`; undefined while it is under way.
 *
 * @param record - The task as shown since the order was given.
 * @param hasStarted - Whether the task has been running since.
 */
export function outcomeOf(
  order: string,
  record: TaskRecord | undefined,
  hasStarted: boolean,
): OrderOutcome | undefined {
  if (order === "define") return SUCCESS;
  if (order === "stop") return record === undefined || ENDED.includes(record.lifecycle) ? SUCCESS : undefined;
  switch (record?.lifecycle) {
    case "running":
    case "exited":
      return SUCCESS;
    case "failed":
      return failure(record.reason);
    case "stopped":
      return hasStarted ? SUCCESS : failure("was stopped before it ran");
    default:
      return undefined;
  }
}

function failure(reason: string | undefined): OrderOutcome {
  return { outcome: "failure", ...(reason === undefined ? {} : { reason }) };
}

/** Whether a later order undoes what an order is to bring about. */
export function isContrary(order: string, later: string): boolean {
  return order === "stop" ? isStart(later) : isStart(order) && later === "stop";
}

function isStart(order: string): boolean {
  return order === "start" || order === "restart";
}

/** States of a task that reaches another state by itself. */
const MOVING: readonly TaskState[] = ["starting", "unready", "unresponsive", "stopping", "backingOff"];

/**
 * The tasks that depend on one that has failed, directly or through others, and so can't start any more. There are none
 * as long as any task moves: its triggers may start the failed one again.
 */
export function waitingInVain(records: readonly TaskRecord[]): ReadonlySet<string> {
  const inVain = new Set<string>();
  if (records.some(({ lifecycle }) => MOVING.includes(lifecycle))) return inVain;
  const lost = new Set(idsIn(records, "failed"));
  const blocked = records.filter(({ lifecycle }) => lifecycle === "blocked");
  for (let before = -1; before < inVain.size; ) {
    before = inVain.size;
    for (const { service_id, waits_for = [] } of blocked) {
      if (!waits_for.some((id) => lost.has(id))) continue;
      inVain.add(service_id);
      lost.add(service_id);
    }
  }
  return inVain;
}

function idsIn(records: readonly TaskRecord[], state: TaskState): string[] {
  return records.filter(({ lifecycle }) => lifecycle === state).map(({ service_id }) => service_id);
}
