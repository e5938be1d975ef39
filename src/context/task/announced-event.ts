// What an announcement of a task means for its lifecycle. Pure.
import type { Status } from "../../protocol/message.ts";
import type { LifecycleEvent } from "./lifecycle.ts";

/** What an announcement means for the lifecycle of its task; undefined for a word of the task's own. */
export function eventOf(action: string, { result, reason }: Status): LifecycleEvent | undefined {
  const because =
    reason === undefined
      ? `the task announced ${action}`
      : typeof reason === "string"
        ? reason
        : JSON.stringify(reason);
  switch (action) {
    case "started":
      return result === "success" ? { type: "started" } : { type: "unfit", reason: because };
    case "failed":
      return { type: "failed", reason: because };
    case "updated":
    case "exited":
    case "stopped":
      return { type: action };
    default:
      return undefined;
  }
}
