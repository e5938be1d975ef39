// An event as a handler sees it. It is settled once: by the handler's return or throw, or before that by `ack`, `reject`
// or `drop`.
import { ZcontextError } from "../errors.ts";
import type { Json } from "../protocol/json.ts";
import type { Delivery } from "./contract/engine.ts";

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

/** An event that reports what is decided about it, once. A class, since one is made for each delivery. */
export class EventInHand implements ReceivedEvent {
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly content: Json;
  readonly context: Json;
  readonly meta: EventMeta;
  readonly headers: { readonly [name: string]: string };
  readonly attempt: number;
  readonly #delivery: Delivery;
  readonly #leaving: AbortSignal;
  readonly #decide: (decision: Decision) => void;
  #signal: AbortSignal | undefined;
  #isSettled = false;

  /** @param leaving - Aborted when the bus closes. */
  constructor(
    delivery: Delivery,
    { content, context, meta }: EventPayload,
    leaving: AbortSignal,
    decide: (decision: Decision) => void,
  ) {
    this.id = delivery.envelope.id;
    this.name = delivery.name;
    this.group = delivery.group;
    this.content = content;
    this.context = context;
    this.meta = meta;
    this.headers = delivery.envelope.headers ?? {};
    this.attempt = delivery.attempt;
    this.#delivery = delivery;
    this.#leaving = leaving;
    this.#decide = decide;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#delivery.taken, this.#leaving]);
    return this.#signal;
  }

  /** Whether this is what the signal says of an event that was taken back. */
  isTakenBy(error: unknown): boolean {
    return this.#signal?.aborted === true && this.#signal.reason === error;
  }

  // Getters, so that a handler may take the three out of the event.
  get ack(): ReceivedEvent["ack"] {
    return () => this.#settle({ kind: "ack" });
  }

  get reject(): ReceivedEvent["reject"] {
    return ({ delayMs } = {}) => this.#settle({ kind: "reject", delayMs });
  }

  get drop(): ReceivedEvent["drop"] {
    return ({ reason = "dropped by its handler", deadLetter = false } = {}) =>
      this.#settle({ kind: "drop", reason, deadLetter });
  }

  #settle(decision: Decision): void {
    if (this.#isSettled)
      throw new ZcontextError("ERR_ALREADY_SETTLED", `event ${this.name} (${this.id}) has been settled before`);
    this.#isSettled = true;
    this.#decide(decision);
  }
}
