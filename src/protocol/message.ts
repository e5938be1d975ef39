// The messages of the link as the rest of the code sees them, told apart by `kind`: reads them out of a frame, refuses
// the malformed ones, and writes them. Shapes: docs/protocol.md. Extra fields of a header are kept, so that an answer
// can echo them. Pure.
import { ZcontextError } from "../errors.ts";
import type { Frame } from "./codec.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import {
  AN_OBJECT,
  anyObject,
  type Misfit,
  nullish,
  type Output,
  object,
  optional,
  read,
  type Schema,
  text,
} from "./schema.ts";

export interface Header {
  transaction: string;
  /** The task's id, or the context's; empty on `state`. */
  serviceId: string;
  /** The task's service name, or `context`, `all`, `state`. */
  serviceName: string;
  action: string;
  /** Chosen by the sender of a request, repeated in the answer. */
  requestId?: string | undefined;
  /** The stamp of its publisher; a program that says something once may give the incarnation alone. */
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

/** A command for a whole transaction: start, stop, restart, exit. */
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

/** The `service_name` of the provider's own messages. */
export const CONTEXT_NAME = "context";
/** The `service_name` that means every task of a transaction. */
export const ALL = "all";

/**
 * Reads what a frame says. Topics other than `context`, `control` and `state` hold commands to tasks.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` naming the field, what was expected and what came.
 */
export function readMessage({ topic, body: value }: Frame): Message {
  const body = shaped(anyObject, value, { topic, at: "the message" });
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

/** The frame of a message: an object in every case. */
export interface MessageFrame extends Frame {
  body: JsonObject;
}

/** The opposite of `readMessage`. */
export function writeMessage(message: Message): MessageFrame {
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

/** One life of a publisher, and the number of a message among those it sent on this topic, from 1. */
export interface Stamp {
  incarnation: string;
  sequence: number;
}

/** Puts a stamp into the header of a frame; one without a header (`monitor`) stays as it is. */
export function stamp(frame: Frame, mark: Stamp): Frame {
  const { topic, body } = frame;
  if (!isObject(body)) return frame;
  if (isObject(body.header)) return { topic, body: { ...body, header: { ...body.header, ...mark } } };
  const header = taskHeaderOf(body);
  return header === undefined ? frame : { topic, body: withinTask(body, { ...header, ...mark }) };
}

/** The stamp of a frame; undefined for one of a peer that does not stamp. */
export function stampOf({ body }: Frame): Stamp | undefined {
  if (!isObject(body)) return undefined;
  const header = isObject(body.header) ? body.header : taskHeaderOf(body);
  return header && stampIn(header);
}

function stampIn({ incarnation, sequence }: JsonObject): Stamp | undefined {
  return typeof incarnation === "string" && typeof sequence === "number" ? { incarnation, sequence } : undefined;
}

/** The `request_id` of a message that may otherwise be unreadable, so that it can still be answered. */
export function requestIdOf({ body }: Frame): string | undefined {
  const header = isObject(body) ? body.header : undefined;
  return isObject(header) && typeof header.request_id === "string" ? header.request_id : undefined;
}

/** The fields of a header that we know: as they travel, and as they are called here. */
const NAMES = {
  service_transaction: "transaction",
  service_id: "serviceId",
  service_name: "serviceName",
  action: "action",
  request_id: "requestId",
  incarnation: "incarnation",
  sequence: "sequence",
} as const;
/** A command to a task may have its transaction under either name. */
const TASK_NAMES = { ...NAMES, transaction: "transaction" };

const FIELDS = { service_id: nullish(text, ""), service_name: text, action: text, request_id: optional(text) };
const HEADER = object({ service_transaction: text, ...FIELDS });
const TASK_HEADER = object({ transaction: text, ...FIELDS });
const STATUS = object({ result: text, device_action: text });

type Fields = Omit<Output<typeof HEADER>, "service_transaction">;

function readHeader(topic: string, body: JsonObject): Header {
  const given = shaped(anyObject, body.header, { topic, at: "header" });
  const fields = shaped(HEADER, given, { topic, at: "header" });
  return headerOf(fields.service_transaction, fields, given, NAMES);
}

function readTaskHeader(topic: string, body: JsonObject): Header {
  const at = "Task.message.header";
  const given = taskHeaderOf(body);
  if (given === undefined) throw malformed(topic, { field: at, expected: AN_OBJECT, came: body.Task });
  const transaction = given.transaction ?? given.service_transaction;
  const fields = shaped(TASK_HEADER, { ...given, transaction }, { topic, at });
  return headerOf(fields.transaction, fields, given, TASK_NAMES);
}

function headerOf(transaction: string, fields: Fields, given: JsonObject, known: object): Header {
  const { service_id: serviceId, service_name: serviceName, action, request_id: requestId } = fields;
  const header: Header = { transaction, serviceId, serviceName, action };
  if (requestId !== undefined) header.requestId = requestId;
  const { incarnation, sequence } = given;
  if (typeof incarnation === "string") {
    header.incarnation = incarnation;
    if (typeof sequence === "number") header.sequence = sequence;
  }
  const extra = Object.entries(given).filter(([name]) => !Object.hasOwn(known, name));
  if (extra.length > 0) header.extra = Object.fromEntries(extra);
  return header;
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
  return content === undefined ? {} : shaped(anyObject, content, { topic, at: "content" });
}

function readStatus(topic: string, body: JsonObject): Status {
  const place = { topic, at: "content.status" };
  const status = shaped(anyObject, readContent(topic, body).status, place);
  const { result, device_action } = shaped(STATUS, status, place);
  return { ...status, result, device_action };
}

function shaped<T>(schema: Schema<T>, given: unknown, { topic, at }: { topic: string; at: string }): T {
  const { value, misfit } = read(schema, given);
  if (misfit === undefined) return value;
  const field = misfit.field === "" ? at : `${at}.${misfit.field}`;
  throw malformed(topic, { ...misfit, field });
}

function malformed(topic: string, { field, expected, came }: Misfit): ZcontextError {
  const what = came === undefined ? "nothing" : (JSON.stringify(came) ?? "nothing").slice(0, 60);
  return new ZcontextError(
    "ERR_MESSAGE_MALFORMED",
    `message on ${topic}: expected ${expected} in ${field}, got ${what}`,
  );
}
