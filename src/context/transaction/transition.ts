// A transition of a task, as the journal keeps it and as it travels on the topic `transition`. Pure.

import type { MoveDetail } from "../../explain/facts.ts";
import type { Exit } from "../../launch/process/running-program.ts";
import type { Frame } from "../../protocol/codec.ts";
import type { Kept, Moved } from "../journal/records.ts";
import { isWanted } from "../task/lifecycle.ts";
import { whyIn } from "../task/record.ts";
import { type Change, describeCause, type SupervisedTask } from "../task/task-contract.ts";

/** The moment of a transition, on the machine's monotonic clock and on the wall. */
export interface Moment {
  monotonicMs: number;
  time: string;
}

/** What has become of a task. */
export function transitionOf(
  { task, standing, memory, lastExit }: SupervisedTask,
  { from, event, cause, reasons }: Change,
  { transaction, sequence, moment }: { transaction: string; sequence: number; moment: Moment },
): Moved {
  const { state, life } = standing;
  const why = cause === undefined ? reasons.join("; ") : describeCause(cause);
  const reason = whyIn(standing);
  return {
    kind: "moved",
    transaction,
    task: task.id,
    sequence,
    from,
    to: state,
    event,
    ...(why === "" ? {} : { cause: why }),
    ...(reason === undefined ? {} : { reason }),
    run: life.run,
    ...(life.pid === undefined ? {} : { pid: life.pid }),
    ...(lastExit === undefined || event !== "exit" ? {} : exitOf(lastExit)),
    isWanted: isWanted(standing),
    exits: memory.ends,
    ...moment,
  };
}

/** What else there is to say of it. */
export function detailOf(
  { task, standing, memory, lastExit }: SupervisedTask,
  { event }: Pick<Change, "event">,
): MoveDetail {
  const { state, life } = standing;
  const { maxRestarts: most, periodMs } = task.supervision;
  const effort = event === "exit" && lastExit !== undefined ? effortOf(lastExit) : undefined;
  return {
    ...(state === "backingOff" && { delayMs: Math.round(life.delayMs) }),
    ...(memory.ends.length > 0 && { restarts: { counted: memory.ends.length, most, periodMs } }),
    ...(state === "failed" && life.refusal !== undefined && { refusal: life.refusal }),
    ...(effort?.escalated && { escalated: true }),
    ...(effort && effort.killed.length > 0 && { killed: effort.killed }),
  };
}

/** Where a task stands that has not moved. */
export function keptOf({ task, standing, memory }: SupervisedTask, { transaction }: Pick<Kept, "transaction">): Kept {
  const { state, life } = standing;
  const reason = whyIn(standing);
  return {
    ...{ kind: "kept", transaction, task: task.id, state, runs: life.run, isWanted: isWanted(standing) },
    exits: memory.ends,
    ...(reason === undefined ? {} : { reason }),
  };
}

function exitOf({ code, signal }: { code: number | null; signal: string | null }): { code?: number; signal?: string } {
  return { ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) };
}

/** The frame that tells it. */
export function frameOf(
  { kind: _, reason: __, isWanted, exits, monotonicMs, ...moved }: Moved,
  { contextId, incarnation }: { contextId: string; incarnation: string },
  { lastExit }: SupervisedTask,
): Frame {
  const body = {
    ...moved,
    context_id: contextId,
    incarnation,
    is_wanted: isWanted,
    monotonic_ms: Math.round(monotonicMs),
    restarts_counted: exits.length,
    ...(lastExit === undefined || moved.event !== "exit" ? {} : effortOf(lastExit)),
  };
  return { topic: "transition", body };
}

/** What it took until no process of the task was left. */
function effortOf({ wasKilled, ended }: Exit): {
  escalated: boolean;
  killed: { pid: number; name: string; signal: string }[];
} {
  return {
    escalated: wasKilled || ended.some(({ signal }) => signal === "SIGKILL"),
    killed: ended.map((one) => ({ ...one })),
  };
}
