// What travels beside the body of a message: its sender, its time, and what it belongs to. Pure.
import { asAscii } from "../../protocol/json.ts";

/** The same for events, signals and calls, on every engine. */
export interface Envelope {
  /** A UUIDv7: sorted by time, unique, and the key of deduplication. */
  id: string;
  /** `context/service/instance` of the sender. */
  src: string;
  /** When it was sent, in milliseconds of the epoch. */
  sent: number;
  /** How long it is of use, in milliseconds from `sent`. */
  ttl_ms?: number;
  /** Ties together all that follows from one request; kept by what a handler sends. */
  session_id: string;
  /** Of W3C Trace Context: version, trace id, span id and flags. */
  traceparent: string;
  /** The user's own. */
  headers?: { [name: string]: string };
}

/** An envelope that was made here, so that its id and its trace need no escape in JSON. A class, by which it is known. */
export class MadeEnvelope implements Envelope {
  readonly id: string;
  readonly src: string;
  readonly sent: number;
  declare ttl_ms?: number;
  readonly session_id: string;
  readonly traceparent: string;
  declare headers?: { [name: string]: string };

  /**
   * @param random - 19 hex digits for the id, and 48 for the trace.
   * @param session - The session that it belongs to; its own where there is none.
   * @param parent - The trace of what it follows from; it begins one where there is none.
   */
  constructor(
    src: string,
    sent: number,
    random: readonly [id: string, trace: string],
    session: string | undefined,
    parent: string | undefined,
  ) {
    this.id = uuidV7(sent, random[0]);
    this.src = src;
    this.sent = sent;
    this.session_id = session ?? this.id;
    this.traceparent = childTrace(parent, random[1]);
  }
}

const PLAIN = /^[\w./:-]*$/;

/** Whether JSON has a text as it is, between quotes. */
const isWrittenAsItIs = (text: string) => PLAIN.test(text);

let lastSrc = "";

/** Nearly all messages of a process have the same one. */
function isPlainSrc(src: string): boolean {
  if (src === lastSrc) return true;
  if (!isWrittenAsItIs(src)) return false;
  lastSrc = src;
  return true;
}

/** As JSON in ASCII. Written by hand where no text in it needs an escape, as nearly always: each message has one. */
export function envelopeText(envelope: Envelope): string {
  const { id, src, sent, ttl_ms: ttlMs, session_id: session, traceparent, headers } = envelope;
  const isKnown = envelope instanceof MadeEnvelope || (isWrittenAsItIs(id) && isWrittenAsItIs(traceparent));
  const isPlain = isKnown && isPlainSrc(src) && (session === id || isWrittenAsItIs(session));
  if (!isPlain || headers !== undefined || !Number.isFinite(sent + (ttlMs ?? 0)))
    return asAscii(JSON.stringify(envelope));
  const ttl = ttlMs === undefined ? "" : `,"ttl_ms":${ttlMs}`;
  return `{"id":"${id}","src":"${src}","sent":${sent}${ttl},"session_id":"${session}","traceparent":"${traceparent}"}`;
}

/** The service in `context/service/instance`. */
export function serviceOf(src: string): string {
  return src.split("/")[1] ?? src;
}

/** What a message inherits from the one that its sender handles. */
export interface Lineage {
  sessionId: string;
  traceparent: string;
  /** When the answer must be there, in milliseconds of the monotonic clock; undefined without a deadline. */
  deadlineMs?: number;
}

/** Makes a UUIDv7 of a time and 19 random hex digits. See RFC 9562, section 5.7. */
export function uuidV7(nowMs: number, hex: string): string {
  const variant = "89ab"[Number.parseInt(hex[18] ?? "0", 16) & 0x3];
  return `${timePart(Math.floor(nowMs))}-7${hex.slice(0, 3)}-${variant}${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}

let lastPart = { ms: -1, text: "" };

/** Many messages are of the same millisecond. */
function timePart(ms: number): string {
  if (lastPart.ms === ms) return lastPart.text;
  const time = ms.toString(16).padStart(12, "0");
  lastPart = { ms, text: `${time.slice(0, 8)}-${time.slice(8)}` };
  return lastPart.text;
}

const TRACE = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** Of 48 random hex digits: a span of its own below a parent's trace, or a new trace. See W3C Trace Context, section 3.2. */
export function childTrace(parent: string | undefined, hex: string): string {
  if (parent === undefined) return `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-01`;
  const [, trace = hex.slice(0, 32), flags = "01"] = TRACE.exec(parent) ?? [];
  return `00-${trace}-${hex.slice(32, 48)}-${flags}`;
}
