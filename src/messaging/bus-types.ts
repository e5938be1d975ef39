// What is said to a bus, and what its handlers are told: the types of its verbs.
import type { Json } from "../protocol/json.ts";
import type { MessageStorage } from "./claims/claim-check.ts";
import type { Engine } from "./contract/engine.ts";
import type { EventBus } from "./event-bus.ts";
import type { RetryPolicy } from "./retry.ts";
import type { AnySchema } from "./schema-type.ts";

export interface BusOptions {
  engine: Engine;
  /** `context/service/instance`, which messages name as their sender. */
  src: string;
  storage?: MessageStorage;
  /** Called once the engine is closed, for what was opened with it. */
  release?(): Promise<void>;
  /** Called with everything that a handler throws, and what it was handling. Default: nothing. */
  onHandlerError?(error: unknown, what: string): void;
}

export interface EmitOptions {
  /** Wait until a group listens, and reject with `ERR_EVENT_UNROUTED` when none does in time. Default false. */
  requireRoute?: boolean;
  /** How long the event is of use, in milliseconds; it is a dead letter afterwards. Default: for ever. */
  ttlMs?: number;
  sessionId?: string;
}

/** What an event says. */
export interface OutgoingContent {
  content: Json;
  /** Default: `{}`. */
  context?: Json;
  headers?: { [name: string]: string };
}

export interface ListenOptions<Content extends AnySchema = AnySchema, Context extends AnySchema = AnySchema> {
  /** The most events that this member handles at a time. Default 16. */
  prefetch?: number;
  retry?: Partial<RetryPolicy>;
  /** An event that does not fit is a dead letter, and the handler does not see it. */
  content?: Content;
  context?: Context;
  /** For the dead letters. Default: the handler's own name. */
  handlerName?: string;
}

export interface CallOptions {
  /** Default 10_000, or what is left of the deadline of what is being handled. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whether the call may be sent a second time when the instance that had it is lost. Default false. */
  idempotent?: boolean;
}

export interface IncomingSignal {
  topic: string;
  src: string;
  sent: number;
  /** Bytes that came beside the content. */
  attachments: readonly Buffer[];
  /** The bus that keeps session and trace of this signal. */
  bus: EventBus;
}

/** A call as a method sees it. */
export interface MethodCall {
  id: string;
  method: string;
  src: string;
  /** Aborted when the caller no longer waits. */
  signal: AbortSignal;
  headers: { readonly [name: string]: string };
  /** The bus that keeps deadline, session and trace of this call. */
  bus: EventBus;
}

/** A method, or one with a schema of its parameters. */
export type Method =
  | ((params: never, call: MethodCall) => unknown)
  | { params: AnySchema; handle(params: never, call: MethodCall): unknown };
