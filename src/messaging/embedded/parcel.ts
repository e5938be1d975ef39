// A body as it travels over the embedded engine: the envelope as JSON before it, so that the broker hands both on as they
// are. Pure.
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Envelope } from "../contract/envelope.ts";

export interface Parcel {
  /** How many bytes of it are the envelope. */
  head: number;
  bytes: Buffer;
}

export function pack(envelope: Envelope, body: Buffer): Parcel {
  const json = JSON.stringify(envelope);
  const head = Buffer.byteLength(json);
  const bytes = Buffer.allocUnsafe(head + body.length);
  bytes.write(json);
  body.copy(bytes, head);
  return { head, bytes };
}

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where no envelope stands there. */
export function unpack({ head, bytes }: Parcel): { envelope: Envelope; body: Buffer } {
  try {
    const envelope: Envelope = JSON.parse(bytes.toString("utf8", 0, head));
    if (typeof envelope?.id !== "string") throw new Error("it has no id");
    return { envelope, body: bytes.subarray(head) };
  } catch (error) {
    throw new ZcontextError("ERR_MESSAGE_MALFORMED", `the envelope of a message: ${reasonOf(error)}`);
  }
}

/** In memory of its own: what it is part of, such as a batch, is larger, and would stay in memory as long. */
export function copyOf(body: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(body.length);
  body.copy(copy);
  return copy;
}
