// Reads what a provider says about tasks and orders. What does not have the expected shape reads as undefined, so that
// the caller decides: an answer is then refused, and an overheard message ignored. Pure.

import type { ReloadPlan } from "../../config/planned-change.ts";
import { isObject, type Json, type JsonObject, ownMember } from "../../protocol/json.ts";
import { CONTEXT_NAME, type ControlMessage } from "../../protocol/message.ts";
import { count, listOf, type ObjectSchema, object, oneOf, optional, read, text } from "../../protocol/schema.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { isTaskState } from "../../protocol/task-state.ts";

const TASK_ORDERS = ["start", "define", "restart", "stop"] as const;
/** What a task was told. */
export type TaskOrder = (typeof TASK_ORDERS)[number];
/** What each task was told, by its id. */
export type Orders = ReadonlyMap<string, TaskOrder>;

/** The tasks of a transaction as `context_info` and `reply_context` list them. */
export function readTasks({ tasks = [] }: JsonObject): TaskRecord[] | undefined {
  return Array.isArray(tasks) && tasks.every(isTaskRecord) ? tasks : undefined;
}

/** The tasks of one transaction out of the `data` of a `context_info`. */
export function readTasksOf(transaction: string, { status: { data } }: ControlMessage): TaskRecord[] | undefined {
  if (!Array.isArray(data)) return undefined;
  for (const entry of data) {
    const record = isObject(entry) ? ownMember(entry, transaction) : undefined;
    if (isObject(record)) return readTasks(record);
  }
  return undefined;
}

/** The orders that an accepted command has become, where the message is the provider's answer to one. */
export function readOrders({ header, status: { orders } }: ControlMessage): Orders | undefined {
  if (header.serviceName !== CONTEXT_NAME || !isObject(orders)) return undefined;
  const told = new Map<string, TaskOrder>();
  for (const [serviceId, word] of Object.entries(orders)) {
    const order = TASK_ORDERS.find((known) => known === word);
    if (order === undefined) return undefined;
    told.set(serviceId, order);
  }
  return told;
}

/** A list of words, such as the ids of transactions. */
export function readWords(value: Json | undefined): string[] | undefined {
  return isWords(value) ? value : undefined;
}

/** A list of objects, such as the figures of tasks. */
export function readObjects(value: Json | undefined): JsonObject[] | undefined {
  return Array.isArray(value) && value.every(isObject) ? value : undefined;
}

const PLAN: ObjectSchema<ReloadPlan> = object({
  generation: count,
  tasks: listOf(
    object({
      ...{ transaction: text, task: text, reasons: listOf(text, "a list of reasons") },
      change: oneOf(["added", "removed", "restart", "rolling", "in-place", "same"]),
      outcome: optional(oneOf(["success", "failure"])),
      fault: optional(text),
    }),
    "a list of tasks",
  ),
  context: listOf(object({ part: text, effect: oneOf(["in-place", "next-start"]) }), "a list of changes"),
  notes: listOf(text, "a list of notes"),
});

/** What a change of the model does, or has done. */
export function readPlan(value: Json): ReloadPlan | undefined {
  return read(PLAN, value).value;
}

function isTaskRecord(value: Json): value is TaskRecord {
  if (!isObject(value)) return false;
  const { service_id, serviceName, instance, action, state, lifecycle, pid, runs, reason, waits_for, next_run } = value;
  return (
    [service_id, serviceName, instance, action].every(isWord) &&
    (state === "success" || state === "in_progress") &&
    isTaskState(lifecycle) &&
    typeof runs === "number" &&
    (pid === null || typeof pid === "number") &&
    [reason, next_run].every((word) => word === undefined || isWord(word)) &&
    (waits_for === undefined || isWords(waits_for))
  );
}

function isWords(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every(isWord);
}

function isWord(value: Json | undefined): value is string {
  return typeof value === "string";
}
