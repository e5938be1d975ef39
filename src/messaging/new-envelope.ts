import { childTrace, type Envelope, type Lineage, uuidV7 } from "./contract/envelope.ts";
import { createRandomHex } from "./random-hex.ts";

const UUID_DIGITS = 19;
const TRACE_DIGITS = 48;

const randomHex = createRandomHex();

interface About {
  ttlMs?: number | undefined;
  sessionId?: string | undefined;
  headers?: { [name: string]: string } | undefined;
}

/** The envelope of a message that is sent now. @param lineage - Of what it follows from. */
export function newEnvelope(src: string, lineage: Lineage | undefined, about: About): Envelope {
  const sent = Date.now();
  const id = uuidV7(sent, randomHex(UUID_DIGITS));
  const session_id = about.sessionId ?? lineage?.sessionId ?? id;
  const traceparent = childTrace(lineage?.traceparent, randomHex(TRACE_DIGITS));
  const envelope: Envelope = { id, src, sent, session_id, traceparent };
  // Each message has one: spreading what may be absent would take longer than all the rest of it.
  if (about.ttlMs !== undefined) envelope.ttl_ms = about.ttlMs;
  if (about.headers !== undefined) envelope.headers = about.headers;
  return envelope;
}
