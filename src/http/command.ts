// Reads the body of a posted command. Pure.
import { reasonOf, ZcontextError } from "../errors.ts";
import { isObject, type Json } from "../protocol/json.ts";
import type { CommandRequest } from "./api.ts";

const ACTIONS = ["start", "stop", "restart"] as const;
/** A body is no longer than this, in bytes. */
export const MAX_BODY_BYTES = 64 * 1_024;

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`, saying what was expected. */
export function readCommand(text: string): CommandRequest {
  const body = parse(text);
  if (!isObject(body)) throw malformed("expected an object");
  const action = ACTIONS.find((known) => known === body.action);
  if (action === undefined) throw malformed(`action: expected ${ACTIONS.join(", ")}`);
  const { transaction, tasks } = body;
  if (transaction !== undefined && (typeof transaction !== "string" || transaction === ""))
    throw malformed("transaction: expected its id");
  if (transaction === undefined && action !== "start") throw malformed(`${action} needs a transaction`);
  if (tasks !== undefined && !isListOfIds(tasks)) throw malformed("tasks: expected a list of ids, not an empty one");
  return { action, ...(transaction === undefined ? {} : { transaction }), ...(tasks === undefined ? {} : { tasks }) };
}

function isListOfIds(value: Json): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((id) => typeof id === "string" && id !== "");
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw malformed(reasonOf(error));
  }
}

function malformed(reason: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `command: ${reason}`);
}
