// Reads the body of a posted command. Pure.
import { reasonOf, ZcontextError } from "../errors.ts";
import { flag, id, listOf, object, oneOf, optional, read, textThat } from "../protocol/schema.ts";
import type { CommandRequest } from "./api.ts";

/** A body is no longer than this, in bytes. */
export const MAX_BODY_BYTES = 64 * 1_024;

const COMMAND = object({
  action: oneOf(["start", "stop", "restart"]),
  transaction: optional(textThat((value) => value !== "", "its id")),
  new: optional(flag),
  tasks: optional(listOf(id, "a list of ids, not an empty one", 1)),
});

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came. */
export function readCommand(text: string): CommandRequest {
  const { value, misfit } = read(COMMAND, parse(text));
  if (misfit !== undefined) {
    const { field, expected, came } = misfit;
    const what = came === undefined ? "nothing" : JSON.stringify(came).slice(0, 60);
    throw malformed(`${field === "" ? "" : `${field}: `}expected ${expected}, got ${what}`);
  }
  if (value.transaction === undefined && value.action !== "start")
    throw malformed(`${value.action} needs a transaction`);
  if (value.new && (value.action !== "start" || value.transaction !== undefined))
    throw malformed("new is for a start without a transaction");
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(reasonOf(error));
  }
}

function malformed(reason: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `command: ${reason}`);
}
