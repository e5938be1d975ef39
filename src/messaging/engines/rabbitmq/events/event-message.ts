// An event as a message of the server, and back: the body as it is, the envelope and what is known of its attempts in headers.
// Events of programs that are not ours have the body alone. Pure.
import type { Message, MessageProperties, Options } from "amqplib";
import type { OutgoingEvent } from "../../../contract/engine.ts";
import type { Envelope } from "../../../contract/envelope.ts";

const ENVELOPE = "zc";
const ATTEMPT = "zc-attempt";
const FIRST_AT = "zc-first-at";
const REPLAY = "zc-replay";
/** Of the server: how often members have given the event back by their death. */
const DEATHS = "x-delivery-count";

/** What a message says of the event in it. */
export interface EventHead {
  envelope: Envelope;
  /** 1 for the first. */
  attempt: number;
  /** When a member first had it, in milliseconds of the epoch. */
  firstAt: number;
  /** The same whenever the server gives this message, and another one for each message that was made of the event. */
  key: string;
}

export function propertiesOf({ name, envelope }: OutgoingEvent): Options.Publish {
  return {
    contentType: "application/json",
    messageId: envelope.id,
    timestamp: Math.floor(envelope.sent / 1_000),
    type: name,
    appId: envelope.src,
    headers: { [ENVELOPE]: JSON.stringify(envelope) },
  };
}

/** The same event after an attempt, with further headers. */
export function propertiesAfter(
  properties: MessageProperties,
  { envelope, attempt, firstAt }: Omit<EventHead, "key">,
  headers: { [name: string]: string | number } = {},
): Options.Publish {
  const own = { ...ownHeaders(properties), [ENVELOPE]: JSON.stringify(envelope) };
  return {
    ...propertiesAgain(properties),
    messageId: envelope.id,
    headers: { ...own, [ATTEMPT]: attempt, [FIRST_AT]: firstAt, ...headers },
  };
}

/** The same event, with all that is known of it. */
export function sameProperties(properties: MessageProperties): Options.Publish {
  return { ...propertiesAgain(properties), headers: ownHeaders(properties) };
}

/** The same event, as it was emitted. @param replay - A word that no other replay has. */
export function propertiesOfFirst(properties: MessageProperties, replay: string): Options.Publish {
  const { [ENVELOPE]: envelope } = ownHeaders(properties);
  const headers = { ...(envelope !== undefined && { [ENVELOPE]: envelope }), [REPLAY]: replay };
  return { ...propertiesAgain(properties), headers };
}

/** @param newId - For an event without an id. */
export function headOf({ fields, properties, content }: Message, nowMs: number, newId: () => string): EventHead {
  const headers: { [name: string]: unknown } = properties.headers ?? {};
  const envelope = envelopeIn(headers[ENVELOPE]) ?? envelopeOfForeign(properties, content, nowMs, newId);
  // A queue that other programs have declared does not count them.
  const deaths = numberIn(headers[DEATHS]) ?? (fields.redelivered ? 1 : 0);
  const attempt = numberIn(headers[ATTEMPT]) ?? 1;
  return {
    envelope,
    key: `${envelope.id} ${attempt} ${headers[REPLAY] ?? ""}`,
    attempt: attempt + deaths,
    // Of an event that came back by a death nobody has noted when that member had it.
    firstAt: numberIn(headers[FIRST_AT]) ?? (deaths > 0 ? envelope.sent : nowMs),
  };
}

/** What the server itself has added describes a former way of the message. */
function ownHeaders({ headers }: MessageProperties): { [name: string]: unknown } {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !name.startsWith("x-")));
}

function propertiesAgain({ contentType, contentEncoding, messageId, timestamp, type, appId }: MessageProperties) {
  const all: Options.Publish = { contentType, contentEncoding, messageId, timestamp, type, appId };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function envelopeIn(header: unknown): Envelope | undefined {
  if (typeof header !== "string") return undefined;
  try {
    const envelope: Envelope = JSON.parse(header);
    return typeof envelope?.id === "string" && typeof envelope.sent === "number" ? envelope : undefined;
  } catch {
    return undefined;
  }
}

/** Its session and its time stand in the body; an event without either begins now, in a session of its own. */
function envelopeOfForeign(
  { messageId, appId }: MessageProperties,
  content: Buffer,
  nowMs: number,
  newId: () => string,
): Envelope {
  const meta = metaIn(content);
  const id = typeof messageId === "string" ? messageId : newId();
  return {
    id,
    src: typeof appId === "string" ? appId : "",
    sent: numberIn(meta.timestamp) ?? nowMs,
    session_id: typeof meta.session_id === "string" ? meta.session_id : id,
    traceparent: "",
  };
}

function metaIn(content: Buffer): { timestamp?: unknown; session_id?: unknown } {
  try {
    return JSON.parse(content.toString())?.meta ?? {};
  } catch {
    return {};
  }
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
