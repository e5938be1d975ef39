// What has become of an order to a task, judged by how the provider shows the task. What is announced alone decides
// nothing: a task that has failed may be on its way back. Pure.

import type { TaskRecord } from "../../protocol/task-record.ts";
import type { TaskState } from "../../protocol/task-state.ts";

/** What has come of an order. */
export type Outcome = "success" | "failure" | "superseded";

export type Verdict = { outcome: "underway" } | { outcome: Outcome; reason?: string };

export const underway: Verdict = { outcome: "underway" };

/** States in which nothing more comes by itself, though it may by a trigger. */
const ENDED: readonly TaskState[] = ["stopped", "exited", "failed"];

/**
 * Judges an order: `start`, `restart`, `stop`, or `define`.
 *
 * @param record - The task as shown since the order was given.
 * @param hasStarted - Whether it has been running since.
 */
export function judge(order: string, record: TaskRecord | undefined, hasStarted: boolean): Verdict {
  if (order === "define") return { outcome: "success" };
  if (order === "stop")
    return record === undefined || ENDED.includes(record.lifecycle) ? { outcome: "success" } : underway;
  switch (record?.lifecycle) {
    case "running":
    case "exited":
      return { outcome: "success" };
    case "failed":
      return failure(record.reason);
    case "stopped":
      return hasStarted ? { outcome: "success" } : failure("was stopped before it ran");
    default:
      return underway;
  }
}

function failure(reason: string | undefined): Verdict {
  return { outcome: "failure", ...(reason === undefined ? {} : { reason }) };
}

/** Whether an order undoes what another one is to bring about. */
export function isContrary(order: string, later: string): boolean {
  return order === "stop" ? isStart(later) : isStart(order) && later === "stop";
}

function isStart(order: string): boolean {
  return order === "start" || order === "restart";
}

/** States of a task that goes on to another one by itself. */
const MOVING: readonly TaskState[] = ["starting", "unready", "unresponsive", "stopping", "backingOff"];

/**
 * The tasks that wait for one that has failed, or for one that waits in vain itself: they can't come any more, unless
 * somebody starts that one. Nobody waits in vain while another task is on its way to somewhere.
 */
export function waitingInVain(records: readonly TaskRecord[]): ReadonlySet<string> {
  const lost = new Set(idsIn(records, "failed"));
  const inVain = new Set<string>();
  if (records.some(({ lifecycle }) => MOVING.includes(lifecycle))) return inVain;
  const blocked = records.filter(({ lifecycle }) => lifecycle === "blocked");
  for (let before = -1; before < inVain.size; ) {
    before = inVain.size;
    for (const record of blocked) {
      if (!awaited(record).some((id) => lost.has(id))) continue;
      inVain.add(record.service_id);
      lost.add(record.service_id);
    }
  }
  return inVain;
}

function idsIn(records: readonly TaskRecord[], state: TaskState): string[] {
  return records.filter(({ lifecycle }) => lifecycle === state).map(({ service_id }) => service_id);
}

// Whom it waits for stands in its reason: `waits for db (failed), cache (starting)`.
function awaited({ reason = "" }: TaskRecord): string[] {
  return [...reason.matchAll(/(?<=^waits for |, )(.+?) \(\w+\)(?=, |$)/g)].map(([, id = ""]) => id);
}
