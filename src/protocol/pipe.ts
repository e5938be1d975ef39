// What the provider and a task process say to each other on their own pipe, one JSON object a line. The pipe carries
// what must not be lost (the start data, a copy of every announcement) and its end tells each side that the other is
// gone. Several tasks may share one pipe, when they are threads of one process; `run` tells them apart. Pure.
import { reasonOf, ZcontextError } from "../errors.ts";
import { isObject, type JsonObject } from "./json.ts";

/** All that a task process is told about the task it runs. */
export interface StartData extends Assignment {
  /** Absolute path of the compiled service module. */
  module: string;
  /** Runs in a worker thread beside others rather than in a process of its own. */
  isThread: boolean;
  /** How often it says that its event loop turns, in milliseconds; 0 for never. */
  heartbeatMs: number;
  /** What it is sent to stop, beside the word on the pipe. */
  stopSignal: string;
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
  /** The last announcement was heard on the bus; the task may leave. */
  | { type: "bye"; run: string }
  /** The announcements up to this one have been acted on; a task that is far ahead waits for it. */
  | { type: "heard"; run: string; sequence: number }
  /** Ends a thread that does not end by itself. */
  | { type: "kill"; run: string };

/** What a task says about the event loop that it runs in. */
export interface Beat {
  /** How late the timer of this very beat was, in milliseconds. */
  delayMs: number;
  heapBytes: number;
  /** Sockets, timers, and whatever else keeps the loop alive. */
  handles: number;
  /** A debugger may halt it at any moment; silence says nothing then. */
  isInspected: boolean;
}

/** From the task process. */
export type FromTask =
  /** A copy of what the task published as the `sequence`th message on `control`. */
  | { type: "announce"; run: string; sequence: number; message: JsonObject; isLast: boolean }
  /** The event loop of the task turns. */
  | ({ type: "beat"; run: string } & Beat)
  /** A line a thread printed; a process prints by itself. */
  | { type: "output"; run: string; stream: "stdout" | "stderr"; line: string }
  /** A thread has ended. */
  | { type: "exit"; run: string; code: number };

/** No line of the pipe is longer than this, in characters; an announcement fits a frame, escaped once more. */
export const MAX_PIPE_LINE_LENGTH = 16 * 1024 * 1024;

export function writePipe(message: ToTask | FromTask): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * Reads a line that came from a task process, which is not to be trusted: it runs code of the user's.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`.
 */
export function readFromTask(line: string): FromTask {
  const value = parse(line);
  if (isObject(value) && typeof value.run === "string") {
    const { run, sequence, message, line: text, stream, code } = value;
    switch (value.type) {
      case "announce":
        if (Number.isSafeInteger(sequence) && isObject(message))
          return { type: "announce", run, sequence: sequence as number, message, isLast: value.isLast === true };
        break;
      case "output":
        if (typeof text === "string" && (stream === "stdout" || stream === "stderr"))
          return { type: "output", run, stream, line: text };
        break;
      case "beat": {
        const { delayMs, heapBytes, handles, isInspected } = value;
        if (isFigure(delayMs) && isFigure(heapBytes) && isFigure(handles) && typeof isInspected === "boolean")
          return { type: "beat", run, delayMs, heapBytes, handles, isInspected };
        break;
      }
      case "exit":
        if (Number.isSafeInteger(code)) return { type: "exit", run, code: code as number };
        break;
    }
  }
  throw new ZcontextError(
    "ERR_MESSAGE_MALFORMED",
    `line on the pipe of a task: expected what a task says, got ${line.slice(0, 60)}`,
  );
}

/** Reads a line that came from the provider. */
export function readToTask(line: string): ToTask {
  return JSON.parse(line) as ToTask;
}

function isFigure(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ZcontextError(
      "ERR_MESSAGE_MALFORMED",
      `line on the pipe of a task: not JSON (${reasonOf(error).slice(0, 80)})`,
    );
  }
}
