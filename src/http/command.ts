// Reads the bodies of posted commands. Pure.
import { reasonOf, ZcontextError } from "../errors.ts";
import { flag, id, listOf, object, oneOf, optional, read, type Schema, textThat } from "../protocol/schema.ts";
import type { CommandRequest, LetterCommand } from "./contract/api.ts";

/** A body is no longer than this, in bytes. */
export const MAX_BODY_BYTES = 64 * 1_024;

const COMMAND = object({
  action: oneOf(["start", "stop", "restart"]),
  transaction: optional(textThat((value) => value !== "", "its id")),
  new: optional(flag),
  tasks: optional(listOf(id, "a list of ids, not an empty one", 1)),
});

const LETTER_COMMAND = object({
  action: oneOf(["replay", "discard"]),
  ids: listOf(id, "a list of ids, not an empty one", 1),
});

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came. */
export function readLetterCommand(text: string): LetterCommand {
  return fitting(LETTER_COMMAND, text);
}

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came. */
export function readCommand(text: string): CommandRequest {
  const value = fitting(COMMAND, text);
  if (value.transaction === undefined && value.action !== "start")
    throw malformed(`${value.action} needs a transaction`);
  if (value.new && (value.action !== "start" || value.transaction !== undefined))
    throw malformed("new is for a start without a transaction");
  return value;
}

function fitting<T>(schema: Schema<T>, text: string): T {
  const { value, misfit } = read(schema, parse(text));
  if (misfit === undefined) return value;
  const { field, expected, came } = misfit;
  const what = came === undefined ? "nothing" : JSON.stringify(came).slice(0, 60);
  throw malformed(`${field === "" ? "" : `${field}: `}expected ${expected}, got ${what}`);
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
