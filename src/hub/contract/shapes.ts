// What travels between a node and its hub beside the twin: readings, lines, the status, calls and their answers. Pure.
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { anything, object, oneOf, optional, read, text, whole } from "../../protocol/schema.ts";

/**
 * Beside a reading, whose payload is what `submitMessage` got. They are user properties of MQTT 5 of these names, and of the
 * topic at Azure; MQTT 3.1.1 has none.
 */
export interface ReadingProperties {
  /** The same where a reading comes twice, because its confirmation was lost. */
  id: string;
  /** The name of the service that has submitted it. */
  source: string;
  /** When it was submitted, as ISO 8601. */
  time: string;
}

/** The payload of `status`, which is retained. */
export interface StatusReport {
  state: "online" | "offline";
  /** When it was published, as ISO 8601; absent where the broker says it in the node's place. */
  time?: string | undefined;
}

export const LOG_LEVELS = ["debug", "warning", "error", "track"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The payload of `log`: a line of a service. */
export interface LogLine {
  /** As ISO 8601. */
  time: string;
  /** The name of the service. */
  source: string;
  level: LogLevel;
  text: string;
  /** Of a fault. */
  code?: number | undefined;
  description?: string | undefined;
}

/** The payload of `methods/res/…` and `commands/res/…`. */
export interface Answer {
  /** 200: done. 400: no such name, or wrong parameters. 403: refused. 500: tried in vain. 501: not offered here. */
  status: number;
  payload: Json;
}

/** A status; undefined for what is none. */
export function readStatus(value: unknown): StatusReport | undefined {
  return read(STATUS, value).value;
}

/** A line; undefined for what is none. */
export function readLogLine(value: unknown): LogLine | undefined {
  return read(LINE, value).value;
}

/** An answer; undefined for what is none. */
export function readAnswer(value: unknown): Answer | undefined {
  const answer = read(ANSWER, value).value;
  // JSON leaves out what is undefined.
  return answer && { status: answer.status, payload: (answer.payload ?? null) as Json };
}

/** The request id of a command: that of its payload, else its name. */
export function requestIdOfCommand(name: string, payload: Json): string {
  const given = isObject(payload) ? payload.rid : undefined;
  return typeof given === "string" || typeof given === "number" ? String(given) : name;
}

/** The answer that says why something was not done. */
export function failed(status: number, code: string, message: string): Answer {
  const error: JsonObject = { code, message };
  return { status, payload: { error } };
}

const STATUS = object({ state: oneOf(["online", "offline"]), time: optional(text) });
const LINE = object({
  time: text,
  source: text,
  level: oneOf(LOG_LEVELS),
  text,
  code: optional(whole),
  description: optional(text),
});
const ANSWER = object({ status: whole, payload: anything });
