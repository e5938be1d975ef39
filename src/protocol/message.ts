// The messages of the bus as the rest of the house sees them, told apart by `kind`, and how they lie in a frame.
// Shapes: docs/protocol.md. Extra fields of a header are kept, so that an answer can echo them. Pure.
import { ZcontextError } from "../errors.ts";
import type { Frame } from "./codec.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

export interface Header {
  transaction: string;
  /** The task's id, or the context's; empty on `state`. */
  serviceId: string;
  /** The task's service name, or `context`, `all`, `state`. */
  serviceName: string;
  action: string;
  /** Chosen by whoever asks, repeated in the answer. */
  requestId?: string | undefined;
  /** One life of the publisher, and the number of this message among those it sent on this topic, from 1. */
  incarnation?: string | undefined;
  sequence?: number | undefined;
  /** Fields we do not know. */
  extra?: JsonObject | undefined;
}

/** `content.status` of a `control` message; the items of an announcement stand beside the two fixed fields. */
export interface Status extends JsonObject {
  result: string;
  device_action: string;
}

/** Operator's command for a whole transaction: start, stop, restart, exit. */
export interface ContextMessage {
  kind: "context";
  header: Header;
  configuration: Json | undefined;
}

/** Announcement of a task, or the context's `context_info` and refusals. */
export interface ControlMessage {
  kind: "control";
  header: Header;
  status: Status;
}

/** Command to one task; travels on the task's topic, `process` by convention. */
export interface ProcessMessage {
  kind: "process";
  topic: string;
  header: Header;
  /** The whole TaskService object, its own header included. */
  body: JsonObject;
}

/** Query about a transaction, and its reply. */
export interface StateMessage {
  kind: "state";
  header: Header;
  content: Json;
}

export type Message = ContextMessage | ControlMessage | ProcessMessage | StateMessage;

/** The `device_action` that stands in every announcement of a task: what its configuration says. */
export function deviceActionOf({ configuration }: { configuration: object }): string {
  const { device_action: action } = configuration as JsonObject;
  return typeof action === "string" ? action : "";
}

/** The `service_name` under which the provider speaks. */
export const CONTEXT_NAME = "context";
/** The `service_name` that means every task of a transaction. */
export const ALL = "all";

/**
 * Reads what a frame says. Topics other than `context`, `control` and `state` hold commands to tasks.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came.
 */
export function readMessage({ topic, body }: Frame): Message {
  if (!isObject(body)) throw malformed(topic, "the message", "an object", body);
  switch (topic) {
    case "context":
      return {
        kind: "context",
        header: readHeader(topic, body),
        configuration: readContent(topic, body).configuration,
      };
    case "control":
      return { kind: "control", header: readHeader(topic, body), status: readStatus(topic, body) };
    case "state":
      return { kind: "state", header: readHeader(topic, body), content: body.content ?? {} };
    default:
      return { kind: "process", topic, header: readTaskHeader(topic, body), body };
  }
}

/** The opposite of `readMessage`. */
export function writeMessage(message: Message): Frame {
  const header = writeHeader(message.header);
  switch (message.kind) {
    case "context":
      return { topic: "context", body: { content: { configuration: message.configuration }, header } };
    case "control":
      return { topic: "control", body: { content: { status: message.status }, header } };
    case "state":
      return { topic: "state", body: { content: message.content, header } };
    case "process":
      return { topic: message.topic, body: withTaskHeader(message) };
  }
}

/** Marks a frame as the `sequence`th of its publisher on its topic; one without a header (`monitor`) stays as it is. */
export function stamp(frame: Frame, mark: { incarnation: string; sequence: number }): Frame {
  const { topic, body } = frame;
  if (!isObject(body)) return frame;
  if (isObject(body.header)) return { topic, body: { ...body, header: { ...body.header, ...mark } } };
  const header = taskHeaderOf(body);
  return header === undefined ? frame : { topic, body: withinTask(body, { ...header, ...mark }) };
}

/** What `stamp` has marked a frame with; undefined for one of a peer that does not mark. */
export function stampOf({ body }: Frame): { incarnation: string; sequence: number } | undefined {
  if (!isObject(body)) return undefined;
  const { incarnation, sequence } = (isObject(body.header) ? body.header : taskHeaderOf(body)) ?? {};
  return typeof incarnation === "string" && typeof sequence === "number" ? { incarnation, sequence } : undefined;
}

/** The `request_id` of a message that may otherwise be unreadable, so that it can still be answered. */
export function requestIdOf({ body }: Frame): string | undefined {
  const header = isObject(body) ? body.header : undefined;
  return isObject(header) && typeof header.request_id === "string" ? header.request_id : undefined;
}

const NAMES = {
  service_transaction: "transaction",
  service_id: "serviceId",
  service_name: "serviceName",
  action: "action",
  request_id: "requestId",
  incarnation: "incarnation",
  sequence: "sequence",
} as const;

function readHeader(topic: string, body: JsonObject): Header {
  const { header } = body;
  if (!isObject(header)) throw malformed(topic, "header", "an object", header);
  return {
    transaction: word(topic, "header.service_transaction", header.service_transaction),
    serviceId: word(topic, "header.service_id", header.service_id ?? ""),
    serviceName: word(topic, "header.service_name", header.service_name),
    action: word(topic, "header.action", header.action),
    ...readExtras(topic, header, NAMES),
  };
}

function readTaskHeader(topic: string, body: JsonObject): Header {
  const header = taskHeaderOf(body);
  if (header === undefined) throw malformed(topic, "Task.message.header", "an object", body.Task);
  return {
    transaction: word(topic, "Task.message.header.transaction", header.transaction ?? header.service_transaction),
    serviceId: word(topic, "Task.message.header.service_id", header.service_id ?? ""),
    serviceName: word(topic, "Task.message.header.service_name", header.service_name),
    action: word(topic, "Task.message.header.action", header.action),
    ...readExtras(topic, header, { ...NAMES, transaction: "transaction" }),
  };
}

function readExtras(topic: string, header: JsonObject, known: object): Partial<Header> {
  const { request_id: requestId, incarnation, sequence } = header;
  const extra = Object.entries(header).filter(([name]) => !Object.hasOwn(known, name));
  return {
    ...(requestId === undefined ? {} : { requestId: word(topic, "header.request_id", requestId) }),
    ...(typeof incarnation === "string" && typeof sequence === "number" ? { incarnation, sequence } : {}),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

function writeHeader(header: Header): JsonObject {
  const named = Object.entries(NAMES).map(([wire, name]) => [wire, header[name]]);
  return { ...header.extra, ...Object.fromEntries(named) };
}

function withTaskHeader({ header, body }: ProcessMessage): JsonObject {
  const { service_transaction: transaction, ...rest } = writeHeader(header);
  return withinTask(body, { ...rest, transaction });
}

function withinTask(body: JsonObject, header: JsonObject): JsonObject {
  const task = isObject(body.Task) ? body.Task : {};
  const message = isObject(task.message) ? task.message : {};
  return { ...body, Task: { ...task, message: { ...message, header } } };
}

function taskHeaderOf({ Task: task }: JsonObject): JsonObject | undefined {
  const message = isObject(task) ? task.message : undefined;
  const header = isObject(message) ? message.header : undefined;
  return isObject(header) ? header : undefined;
}

function readContent(topic: string, { content }: JsonObject): JsonObject {
  if (content === undefined) return {};
  if (!isObject(content)) throw malformed(topic, "content", "an object", content);
  return content;
}

function readStatus(topic: string, body: JsonObject): Status {
  const { status } = readContent(topic, body);
  if (!isObject(status)) throw malformed(topic, "content.status", "an object", status);
  return {
    ...status,
    result: word(topic, "content.status.result", status.result),
    device_action: word(topic, "content.status.device_action", status.device_action),
  };
}

function word(topic: string, field: string, value: Json | undefined): string {
  if (typeof value !== "string") throw malformed(topic, field, "a string", value);
  return value;
}

function malformed(topic: string, field: string, expected: string, came: Json | undefined): ZcontextError {
  const what = came === undefined ? "nothing" : (JSON.stringify(came) ?? "nothing").slice(0, 60);
  return new ZcontextError(
    "ERR_MESSAGE_MALFORMED",
    `message on ${topic}: expected ${expected} in ${field}, got ${what}`,
  );
}
