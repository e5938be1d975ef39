// A body as it travels over the embedded engine: the envelope as JSON before it, so that the broker hands both on as they
// are. Pure.
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Envelope } from "../contract/envelope.ts";
import type { Item } from "./operations.ts";

export interface Parcel {
  /** How many bytes of it are the envelope. */
  head: number;
  bytes: Buffer;
}

export function pack(envelope: Envelope, body: Buffer): Parcel {
  const head = Buffer.from(JSON.stringify(envelope));
  return { head: head.length, bytes: Buffer.concat([head, body]) };
}

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where no envelope stands there. */
export function unpack(parcel: Parcel): { envelope: Envelope; body: Buffer } {
  return { envelope: envelopeIn(parcel), body: parcel.bytes.subarray(parcel.head) };
}

/** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where no envelope stands there. */
export function envelopeIn({ head, bytes }: Parcel): Envelope {
  try {
    const envelope: Envelope = JSON.parse(bytes.toString("utf8", 0, head));
    if (typeof envelope?.id !== "string") throw new Error("it has no id");
    return envelope;
  } catch (error) {
    throw new ZcontextError("ERR_MESSAGE_MALFORMED", `the envelope of a message: ${reasonOf(error)}`);
  }
}

/** An item whose body has its envelope, as one that has travelled. */
export function joined<Operation>({ operation, envelope, body }: Item<Operation>): Item<Operation> {
  return { operation, body: envelope === undefined ? body : Buffer.concat([Buffer.from(envelope), body]) };
}

/** In memory of its own: what it is part of, such as a batch, is larger, and would stay in memory as long. */
export function copyOf(body: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(body.length);
  body.copy(copy);
  return copy;
}
