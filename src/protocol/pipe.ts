// What the provider and a task process send each other on a pipe of their own, one JSON object a line. The pipe carries
// what must not be lost (the start data, a copy of every announcement), and its end tells each side that the other is
// gone. Several tasks share one pipe when they are threads of one process; `run` tells them apart. Pure.
import { reasonOf, ZcontextError } from "../errors.ts";
import type { JsonObject } from "./json.ts";
import type { PrintedLine } from "./printed-lines.ts";
import { SAID_LEVELS } from "./said.ts";
import {
  anyObject,
  flag,
  literal,
  notNegative,
  type ObjectSchema,
  object,
  oneOf,
  optional,
  read,
  type Schema,
  tagged,
  text,
  type Variants,
  whole,
} from "./schema.ts";

/** All that a task process is told about the task that it runs. */
export interface StartData extends Assignment {
  /** Absolute path of the compiled service module. */
  module: string;
  /** Runs in a worker thread beside others rather than in a process of its own. */
  isThread: boolean;
  /** How often it reports that its event loop turns, in milliseconds; 0 for never. */
  heartbeatMs: number;
  /** The signal that it is sent to stop, beside the message on the pipe. */
  stopSignal: string;
  /** How long it may take to stop, in milliseconds. */
  graceMs: number;
  /** The folder of the context file. */
  contextFolder: string;
  /** Where files of its context are kept. */
  stateFiles: { folder: string; name: string };
}

/** What a task is told about itself, whatever runs it. */
export interface Assignment {
  /** Where senders and where listeners connect. */
  endpoints: { publish: string; subscribe: string };
  transaction: string;
  contextId: string;
  serviceId: string;
  serviceName: string;
  instance: string;
  topic: string;
  deviceAction: string;
  configuration: JsonObject;
}

/** From the provider. `run` is the incarnation of the task's publisher. */
export type ToTask =
  | { type: "start"; run: string; start: StartData }
  | { type: "stop"; run: string }
  /** All that it has announced has come in over the link; the task may exit. */
  | { type: "bye"; run: string }
  /** The announcements up to this one have been handled; a task that is far ahead waits for this. */
  | { type: "heard"; run: string; sequence: number }
  /** Ends a thread that does not end by itself. */
  | { type: "kill"; run: string };

/** What a task reports about the event loop that it runs in. */
export interface Beat {
  /** How late the timer of this beat was, in milliseconds. */
  delayMs: number;
  heapBytes: number;
  /** Sockets, timers, and whatever else keeps the loop alive. */
  handles: number;
  /** A debugger may halt it at any moment; silence means nothing then. */
  isInspected: boolean;
}

/** From the task process. */
export type FromTask =
  /** A copy of what the task published as the `sequence`th message on `control`. */
  | { type: "announce"; run: string; sequence: number; message: JsonObject }
  /** The task has come to its end, with a reason where it has failed; the provider announces that once its process is gone. */
  | { type: "ending"; run: string; reason?: string | undefined }
  /** The event loop of the task turns. */
  | ({ type: "beat"; run: string } & Beat)
  /** What a thread has printed; a process prints by itself. `whole` is there where it is more than the line. */
  | ({ type: "output"; run: string; stream: "stdout" | "stderr"; whole?: string | undefined } & Omit<
      PrintedLine,
      "whole"
    >)
  /** A thread has ended. */
  | { type: "exit"; run: string; code: number };

/** No line of the pipe is longer than this, in characters; an announcement fits a frame, escaped once more. */
export const MAX_PIPE_LINE_LENGTH = 16 * 1024 * 1024;

export function writePipe(message: ToTask | FromTask): string {
  return `${JSON.stringify(message)}\n`;
}

const FROM_TASK: Variants<FromTask, "type"> = {
  announce: object({
    type: literal("announce"),
    run: text,
    sequence: whole,
    message: anyObject,
  }),
  ending: object({ type: literal("ending"), run: text, reason: optional(text) }),
  beat: object({
    type: literal("beat"),
    run: text,
    delayMs: notNegative,
    heapBytes: notNegative,
    handles: notNegative,
    isInspected: flag,
  }),
  output: object({
    type: literal("output"),
    run: text,
    stream: oneOf(["stdout", "stderr"]),
    line: text,
    whole: optional(text),
    isPart: optional(flag),
    continues: optional(flag),
    level: optional(oneOf(SAID_LEVELS)),
    fields: optional(anyObject),
  }),
  exit: object({ type: literal("exit"), run: text, code: whole }),
};

const START_DATA: ObjectSchema<StartData> = object({
  endpoints: object({ publish: text, subscribe: text }),
  transaction: text,
  contextId: text,
  serviceId: text,
  serviceName: text,
  instance: text,
  topic: text,
  deviceAction: text,
  configuration: anyObject,
  module: text,
  isThread: flag,
  heartbeatMs: notNegative,
  stopSignal: text,
  graceMs: notNegative,
  contextFolder: text,
  stateFiles: object({ folder: text, name: text }),
});

const TO_TASK: Variants<ToTask, "type"> = {
  start: object({ type: literal("start"), run: text, start: START_DATA }),
  stop: object({ type: literal("stop"), run: text }),
  bye: object({ type: literal("bye"), run: text }),
  heard: object({ type: literal("heard"), run: text, sequence: whole }),
  kill: object({ type: literal("kill"), run: text }),
};

const ANY_FROM_TASK = tagged<FromTask>("type", FROM_TASK);
const ANY_TO_TASK = tagged<ToTask>("type", TO_TASK);

/**
 * Reads a line that came from a task process, which is not to be trusted: it runs code of the user's.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came.
 */
export function readFromTask(line: string): FromTask {
  return readLine(ANY_FROM_TASK, line, { pipe: "the pipe of a task", sender: "a task" });
}

/**
 * Reads a line that came from the provider.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came.
 */
export function readToTask(line: string): ToTask {
  return readLine(ANY_TO_TASK, line, { pipe: "the pipe of the provider", sender: "the provider" });
}

function readLine<T>(schema: Schema<T>, line: string, { pipe, sender }: { pipe: string; sender: string }): T {
  const { value, misfit } = read(schema, parse(line, pipe));
  if (misfit === undefined) return value;
  const { field, expected, came } = misfit;
  const where = field === "" ? "" : ` in ${field}`;
  const what = came === undefined ? "nothing" : JSON.stringify(came).slice(0, 60);
  throw malformed(`line on ${pipe}: expected what ${sender} says, ${expected}${where}, got ${what}`);
}

function parse(line: string, pipe: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw malformed(`line on ${pipe}: not JSON (${reasonOf(error).slice(0, 80)})`);
  }
}

function malformed(message: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", message);
}
