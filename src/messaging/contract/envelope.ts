// What travels beside the body of a message: who sent it, when, and what it belongs to. Pure.

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

/** What a message inherits from the one that its sender handles. */
export interface Lineage {
  sessionId: string;
  traceparent: string;
  /** When the answer must be there, in milliseconds of the monotonic clock; undefined without a deadline. */
  deadlineMs?: number;
}

/** Makes a UUIDv7 of a time and 10 random bytes. See RFC 9562, section 5.7. */
export function uuidV7(nowMs: number, random: Uint8Array): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, "0");
  const hex = Buffer.from(random.buffer, random.byteOffset, 10).toString("hex");
  const variant = ((Number.parseInt(hex[3] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`;
}

const TRACE = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A span of its own below a parent's trace, or a new trace. See W3C Trace Context, section 3.2. */
export function childTrace(parent: string | undefined, random: Uint8Array): string {
  const hex = Buffer.from(random.buffer, random.byteOffset, 24).toString("hex");
  const [, trace = hex.slice(0, 32), flags = "01"] = TRACE.exec(parent ?? "") ?? [];
  return `00-${trace}-${hex.slice(32, 48)}-${flags}`;
}
