// What one ZeroMQ frame holds: `topic @@@ json`. Turns bytes into a topic and a JSON value and back, and refuses
// what could harm the code that reads it: too long, too deep, the key `__proto__`. What a message means, it does not
// know. Pure.
import { isUtf8 } from "node:buffer";
import { reasonOf, ZcontextError } from "../errors.ts";
import { formatJson, type Json, type JsonStyle } from "./json.ts";

/** One message as it travels: a topic and any JSON value. */
export interface Frame {
  topic: string;
  body: Json;
}

/** No frame is longer than this, in bytes. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;
/** No value of a frame is nested deeper than this. */
export const MAX_DEPTH = 64;

const SEPARATOR = "@@@";
/** What a provider publishes without being asked; there is no answer to it. */
export const TOLD_TOPICS = ["monitor", "overview", "transition"] as const;
/** On it a program tells the provider, and no other listener, that it has come to its end. */
export const ENDING_TOPIC = "~ending";
/** On it a task tells the provider what it has counted of the queues that it sends to and consumes. */
export const STREAMS_TOPIC = "~streams";
const STYLES: ReadonlyMap<string, JsonStyle> = new Map([
  ...TOLD_TOPICS.map((topic) => [topic, "line"] as const),
  ...["context", "process", "control", "state"].map((topic) => [topic, "indented"] as const),
]);

/** Whether bytes may follow the frame of a message: on topics of services, and on none of the original's or the provider's. */
export function mayHaveAttachments(topic: string): boolean {
  return !STYLES.has(topic);
}

/**
 * Encodes one frame, pure ASCII. The topics of the original travel as it writes them, all others without white space.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for a topic that can't stand before the separator, or a frame too long.
 */
export function encodeFrame(frame: Frame): Buffer {
  return Buffer.from(frameText(frame), "latin1");
}

/** The same as text. */
export function frameText({ topic, body }: Frame): string {
  assertTopic(topic);
  const json = formatJson(body, STYLES.get(topic) ?? "compact");
  return withinLimit(topic, `${topic} ${SEPARATOR} ${hideSeparator(json)}`);
}

/** The text of a frame, in ASCII. @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where it is too long. */
export function withinLimit(topic: string, text: string): string {
  if (text.length > MAX_FRAME_BYTES)
    throw malformed(`message on ${topic}: ${text.length} bytes, the limit is ${MAX_FRAME_BYTES}`);
  return text;
}

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for a topic that can't stand before the separator. */
export function assertTopic(topic: string): void {
  if (!isTopic(topic))
    throw malformed(`topic ${JSON.stringify(topic)}: expected one word without white space or "@@@"`);
}

/**
 * Decodes one frame. Splits on the first separator, so a payload may hold it, though ours never does.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`, saying what was expected and what came.
 */
export function decodeFrame(bytes: Buffer): Frame {
  if (bytes.length > MAX_FRAME_BYTES)
    throw malformed(`frame of ${bytes.length} bytes, the limit is ${MAX_FRAME_BYTES}`);
  if (!isUtf8(bytes)) throw malformed(`frame of ${bytes.length} bytes is not UTF-8`);
  const text = bytes.toString("utf8").trim();
  const split = text.indexOf(SEPARATOR);
  if (split === -1) throw malformed(`expected "topic @@@ json", got ${excerpt(text)}`);
  const topic = text.slice(0, split).trim();
  if (!isTopic(topic)) throw malformed(`topic ${excerpt(topic)}: expected one word`);
  assertShallow(bytes.subarray(bytes.indexOf(SEPARATOR)), topic);
  return { topic, body: parse(text.slice(split + SEPARATOR.length).trim(), topic) };
}

/** The word before the separator, without looking at the rest; undefined where there is none. */
export function topicOf(bytes: Buffer): string | undefined {
  const split = bytes.subarray(0, 256).indexOf(SEPARATOR);
  if (split === -1) return undefined;
  const topic = bytes.toString("utf8", 0, split).trim();
  return isTopic(topic) ? topic : undefined;
}

function isTopic(topic: string): boolean {
  return topic.length > 0 && topic.length <= 128 && /^[!-~]+$/.test(topic) && !topic.includes(SEPARATOR);
}

/** The same JSON without a separator in it: the original's receivers split on every one. */
export function hideSeparator(json: string): string {
  return json.includes(SEPARATOR) ? json.replace(/@(?=@@)/g, "\\u0040") : json;
}

function parse(json: string, topic: string): Json {
  let poisoned = false;
  try {
    // A reviver is slow, so only where the word, or an escape that could spell it, occurs.
    const value: Json = JSON.parse(json, /proto__|\\u00/.test(json) ? refuseProto : undefined);
    if (!poisoned) return value;
  } catch (error) {
    throw malformed(`message on ${topic}: not JSON (${reasonOf(error).slice(0, 120)})`, error);
  }
  throw malformed(`message on ${topic}: the key "__proto__" is not allowed`);

  function refuseProto(key: string, value: unknown): unknown {
    poisoned ||= key === "__proto__";
    return value;
  }
}

// Counts brackets outside strings before anything is built: ten thousand levels take one pass and no memory.
function assertShallow(json: Buffer, topic: string): void {
  const [quote, backslash, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index];
    if (byte === quote) quoted = !quoted;
    else if (quoted) index += byte === backslash ? 1 : 0;
    else if (byte === openObject || byte === openList) depth += 1;
    else if (byte === closeObject || byte === closeList) depth -= 1;
    if (depth > MAX_DEPTH) throw malformed(`message on ${topic}: nested deeper than ${MAX_DEPTH} levels`);
  }
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function malformed(message: string, cause?: unknown): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", message, { cause });
}
