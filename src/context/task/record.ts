// The record of a task service as `context_info` and `reply_context` show it, and how each message that travels changes
// it. What is true of the process is for the lifecycle to say. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Status } from "../../protocol/message.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { hasProcess, wordsFor } from "../../protocol/task-state.ts";
import { failureOf } from "./life.ts";
import type { Standing } from "./lifecycle.ts";

/** A task service as the transaction gets to know it. */
export function newRecord({ id, serviceName, instance }: TaskServiceConfig): TaskRecord {
  return {
    service_id: id,
    pid: null,
    action: "defined",
    state: "success",
    serviceName,
    instance,
    lifecycle: "defined",
    runs: 0,
  };
}

/** After a command to the task went out. */
export function commanded(record: TaskRecord, action: string, body: JsonObject): TaskRecord {
  const pid = action === "start" ? null : record.pid;
  return { ...record, pid, action, state: "in_progress", task: body };
}

/** After an announcement about the task was heard. A failure to start is no progress and changes nothing. */
export function announced(record: TaskRecord, action: string, { result, pid }: Status): TaskRecord {
  if (result !== "success" && action !== "failed") return record;
  return { ...record, pid: typeof pid === "number" ? pid : record.pid, action, state: "success" };
}

/** Where the task stands now. */
export function standingAt(record: TaskRecord, { state, life }: Standing): TaskRecord {
  const reason = whyIn({ state, life });
  // One that has not said that it has started, and may never say it, has a process all the same.
  const pid = record.pid ?? (hasProcess(state) ? (life.pid ?? null) : null);
  return {
    ...record,
    pid,
    lifecycle: state,
    runs: life.run,
    ...(reason === undefined ? {} : { reason }),
    ...(state === "blocked" ? { waits_for: life.missing.map(({ id }) => id) } : {}),
  };
}

/** Why a task stands where it does, where that is not as it should be. */
export function whyIn({ state, life }: Pick<Standing, "state" | "life">): string | undefined {
  switch (state) {
    case "failed":
    case "backingOff":
      return failureOf(life);
    case "blocked":
      return `waits for ${life.missing.map(({ id, state: theirs }) => `${id} (${wordsFor(theirs)})`).join(", ")}`;
    case "unready":
    case "unresponsive":
      return life.fault;
    case "stopping":
      return life.requested ? undefined : (life.fault ?? life.reason);
    case "stuck":
      return life.stuck;
    default:
      return undefined;
  }
}
