import { randomBytes } from "node:crypto";
import { type Envelope, type Lineage, MadeEnvelope } from "./contract/envelope.ts";

const UUID_DIGITS = 19;
const TRACE_DIGITS = 48;
/** Random digits are drawn for many envelopes at once: asking the system for each takes longer than all the rest. */
const DRAWN_BYTES = 4_096;

let drawn = "";
let at = 0;

interface About {
  ttlMs?: number | undefined;
  sessionId?: string | undefined;
  headers?: { [name: string]: string } | undefined;
}

/** The envelope of a message that is sent now. @param lineage - Of what it follows from. */
export function newEnvelope(src: string, lineage: Lineage | undefined, about: About): Envelope {
  const random: [string, string] = [randomHex(UUID_DIGITS), randomHex(TRACE_DIGITS)];
  const sessionId = about.sessionId ?? lineage?.sessionId;
  const envelope = new MadeEnvelope(src, Date.now(), random, sessionId, lineage?.traceparent);
  // Each message has one: spreading what may be absent would take longer than all the rest of it.
  if (about.ttlMs !== undefined) envelope.ttl_ms = about.ttlMs;
  if (about.headers !== undefined) envelope.headers = about.headers;
  return envelope;
}

/** So many random hex digits, at most 8,192. */
function randomHex(digits: number): string {
  if (at + digits > drawn.length) {
    drawn = randomBytes(DRAWN_BYTES).toString("hex");
    at = 0;
  }
  at += digits;
  return drawn.slice(at - digits, at);
}
