// An event as a message of NATS: its body as it is, so that foreign programs can read and write it, its envelope in a
// header. Pure.
import type { MsgHdrs } from "@nats-io/transport-node";
import { isObject } from "../../../protocol/json.ts";
import { childTrace, type Envelope } from "../../contract/envelope.ts";
import { eventOf } from "./names.ts";

const HEAD = "zc";
/** Of the server: two messages with the same one are one. */
const MESSAGE_ID = "Nats-Msg-Id";

export interface EventHead {
  name: string;
  envelope: Envelope;
  /** The one group that gets an event again which it had given up. */
  only?: string;
}

/** @param id - By which the server knows it. */
export function eventHeaders({ name, envelope, only }: EventHead, id = envelope.id): { [header: string]: string[] } {
  return { [HEAD]: [JSON.stringify({ name, ...(only !== undefined && { only }), ...envelope })], [MESSAGE_ID]: [id] };
}

/** What is known of a message without a header of ours. */
export interface Arrival {
  subject: string;
  body: Buffer;
  /** Stands for the message at this server. */
  id: string;
  /** When it was stored, in milliseconds of the epoch. */
  atMs: number;
  random: (digits: number) => string;
}

const TRACE_DIGITS = 48;

/** @throws {Error} For a header that is not ours. */
export function readEventHead(headers: MsgHdrs | undefined, arrival: () => Arrival): EventHead {
  const text = headers?.get(HEAD) ?? "";
  if (text === "") return foreignHead(headers, arrival());
  const { name, only, ...envelope } = JSON.parse(text);
  if (typeof name !== "string" || typeof envelope.id !== "string") throw new Error("its header zc has no name or id");
  return { name, envelope, ...(typeof only === "string" && { only }) };
}

function foreignHead(headers: MsgHdrs | undefined, { subject, body, id: place, atMs, random }: Arrival): EventHead {
  const given = headers?.get(MESSAGE_ID) ?? "";
  const id = given === "" ? place : given;
  const envelope = { id, src: "", sent: atMs, session_id: sessionIn(body) ?? id };
  return {
    name: eventOf(subject) ?? subject,
    envelope: { ...envelope, traceparent: childTrace(undefined, random(TRACE_DIGITS)) },
  };
}

function sessionIn(body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (!isObject(value) || !isObject(value.meta)) return undefined;
    return typeof value.meta.session_id === "string" ? value.meta.session_id : undefined;
  } catch {
    return undefined; // what can't be read is a dead letter when it is handled
  }
}
