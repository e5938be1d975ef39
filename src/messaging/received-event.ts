// An event as a handler sees it. It is settled once: by the handler's return or throw, or before that by `ack`, `reject`
// or `drop`.
import { ZcontextError } from "../errors.ts";
import type { Json } from "../protocol/json.ts";

/** What an event says, as it travels: the four fields that consumers in other languages read as well. */
export interface EventPayload {
  event_name: string;
  content: Json;
  context: Json;
  meta: EventMeta;
}

export interface EventMeta {
  version: number;
  /** When it was emitted, in milliseconds of the epoch. */
  timestamp: number;
  session_id: string;
}

/** What a handler decides about an event. */
export type Decision =
  | { kind: "ack" }
  | { kind: "reject"; delayMs: number | undefined }
  | { kind: "drop"; reason: string; deadLetter: boolean };

export interface ReceivedEvent<Content = Json, Context = Json> {
  /** The event's id, a UUIDv7; the same on every attempt. */
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly content: Content;
  readonly context: Context;
  readonly meta: EventMeta;
  readonly headers: { readonly [name: string]: string };
  /** 1 for the first time. */
  readonly attempt: number;
  /** Aborted when the event was taken back or the bus closes. */
  readonly signal: AbortSignal;
  /** Done: the group does not get it again. @throws {ZcontextError} `ERR_ALREADY_SETTLED`. */
  ack(): void;
  /** Again, after the delay or by the group's retry policy. @throws {ZcontextError} `ERR_ALREADY_SETTLED`. */
  reject(options?: { delayMs?: number }): void;
  /** Never again. It is counted, and kept among the dead letters if asked for. @throws {ZcontextError} `ERR_ALREADY_SETTLED`. */
  drop(options?: { reason?: string; deadLetter?: boolean }): void;
}

/** Makes an event that reports what is decided, once. */
export function createReceivedEvent(
  about: Omit<ReceivedEvent, "ack" | "reject" | "drop">,
  decide: (decision: Decision) => void,
): ReceivedEvent & { readonly isSettled: boolean } {
  let isSettled = false;
  const settle = (decision: Decision) => {
    if (isSettled)
      throw new ZcontextError("ERR_ALREADY_SETTLED", `event ${about.name} (${about.id}) has been settled before`);
    isSettled = true;
    decide(decision);
  };
  return Object.defineProperties(about as ReceivedEvent & { isSettled: boolean }, {
    isSettled: { get: () => isSettled },
    ack: { value: () => settle({ kind: "ack" }) },
    reject: { value: ({ delayMs }: { delayMs?: number } = {}) => settle({ kind: "reject", delayMs }) },
    drop: {
      value: ({ reason = "dropped by its handler", deadLetter = false } = {}) =>
        settle({ kind: "drop", reason, deadLetter }),
    },
  });
}
