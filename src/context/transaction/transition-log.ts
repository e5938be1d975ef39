// What a log line says of a task that has gone from one state to another. Pure.
import type { TaskState } from "../../protocol/task-state.ts";
import { whyIn } from "../task/record.ts";
import type { Change, SupervisedTask } from "../task/task-contract.ts";

/** A line of the log. */
export interface Move {
  level: "info" | "warn";
  fields: { [name: string]: unknown };
  phrase: string;
}

export function describeMove({ standing, lastExit }: SupervisedTask, { event, cause }: Change): Move {
  const { state, life } = standing;
  const pid = life.pid === undefined ? {} : { pid: life.pid };
  const because = whyIn(standing);
  const reason = because === undefined ? {} : { reason: because };
  // What somebody has commanded is told by itself.
  const by = cause === undefined || cause === "command" || because?.includes(cause) ? {} : { by: cause };
  const wait = state === "backingOff" ? { delay_ms: Math.round(life.delayMs) } : {};
  const left = event === "exit" ? (lastExit?.ended ?? []) : [];
  const killed = left.length === 0 ? {} : { killed: left.map((one) => `${one.name} ${one.pid} ${one.signal}`) };
  const isEscalated = event === "exit" && lastExit?.wasKilled === true;
  // By itself: nobody asked.
  const isGoing = state === "stopping" && !life.requested;
  return {
    level: TROUBLED.has(state) || isEscalated ? "warn" : "info",
    fields: { ...pid, ...by, ...reason, ...wait, ...killed, ...(isEscalated ? { escalated: "SIGKILL" } : {}) },
    phrase: isGoing ? (life.reason === undefined && life.fault === undefined ? "ending" : "failing") : state,
  };
}

const TROUBLED: ReadonlySet<TaskState> = new Set(["failed", "unready", "unresponsive", "stuck"]);
