// What a log line says of a task that has gone from one state to another. Pure.
import { isTrouble, wordsFor } from "../../protocol/task-state.ts";
import type { Life } from "../task/life.ts";
import { whyIn } from "../task/record.ts";
import { type Change, describeCause, type SupervisedTask } from "../task/task-contract.ts";

/** A line of the log. */
export interface TransitionLine {
  level: "info" | "warn";
  fields: { [name: string]: unknown };
  phrase: string;
}

export function describeTransition({ standing, lastExit }: SupervisedTask, change: Change): TransitionLine {
  const { state, life } = standing;
  const reason = whyIn(standing);
  const by = authorOf(change, life);
  const isExit = change.event === "exit";
  const killed = isExit ? (lastExit?.ended ?? []) : [];
  const isEscalated = isExit && lastExit?.wasKilled === true;
  return {
    level: isTrouble(state) || isEscalated ? "warn" : "info",
    fields: {
      ...(life.pid === undefined ? {} : { pid: life.pid }),
      ...(by === "" ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
      ...(state === "backingOff" ? { delay_ms: Math.round(life.delayMs) } : {}),
      ...(killed.length === 0 ? {} : { killed: killed.map((one) => `${one.name} ${one.pid} ${one.signal}`) }),
      ...(isEscalated ? { escalated: "SIGKILL" } : {}),
    },
    phrase: state === "stopping" && !life.requested ? goingPhrase(life) : wordsFor(state),
  };
}

/** What has brought it about, where the reason does not say it; a command has a log line of its own. */
function authorOf({ cause, reasons }: Change, { reason, refusal, fault, stuck }: Life): string {
  if (cause !== undefined) return cause.kind === "command" ? "" : describeCause(cause);
  const known = [reason, refusal, fault, stuck];
  return reasons.filter((part) => !known.includes(part)).join("; ");
}

function goingPhrase({ reason, fault }: Life): string {
  return reason === undefined && fault === undefined ? "ending" : "failing";
}
