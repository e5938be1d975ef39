// What the EventBus asks of an engine: events, signals and calls as bytes. An engine moves them and knows nothing of JSON,
// schemata or retry policies; the EventBus knows nothing of brokers. Types alone. Pure.
import type { QueueFigures } from "../../protocol/bus-figures.ts";
import type { Envelope } from "./envelope.ts";
import type { Failure } from "./service-error.ts";

/** What became of an event that was emitted. */
export interface Receipt {
  /** The event's id, also for deduplication. */
  id: string;
  /** What the event survives: nothing, the death of any process, a power cut, or the loss of a machine. */
  stored: Durability;
  /** Whether a group exists that gets the event, with or without a member at this moment. */
  routed: boolean;
}

export type Durability = "memory" | "file" | "sync" | "replicated";

export interface OutgoingEvent {
  name: string;
  envelope: Envelope;
  body: Buffer;
}

/** An event that is given to one member of a group. It belongs to this member until it is settled. */
export interface Delivery extends OutgoingEvent {
  group: string;
  /** 1 for the first time; also counts the attempts that ended with the death of a member. */
  attempt: number;
  /** When the event was first given to a member of the group, in milliseconds of the epoch. */
  firstAt: number;
  /** Aborted when the event was taken back from this member; settling it has no effect then. */
  taken: AbortSignal;
  /** The same at this moment. A signal costs more than many a handler does. */
  readonly isTaken: boolean;
  settle(verdict: Verdict): void;
}

/** What a group says of a delivery. */
export type Verdict =
  | { verdict: "ack" }
  /** Comes back after the delay at the earliest, as a further attempt. */
  | { verdict: "again"; delayMs: number }
  | { verdict: "drop" }
  | { verdict: "dead"; reason: DeathReason; failure: Failure; handler: string };

/** Why an event became a dead letter. */
export type DeathReason =
  | "attempts"
  | "not-retryable"
  | "schema"
  | "claim"
  | "expired"
  | "dropped"
  | "no-handler"
  | "malformed";

export interface Membership {
  name: string;
  group: string;
  /** The most events that this member has at a time. */
  prefetch: number;
}

/** A message on a topic, for all that listen now. */
export interface Signal {
  topic: string;
  envelope: Envelope;
  /** JSON. Text, and no bytes as elsewhere: a signal costs so little that turning one into the other would be much of it. */
  body: string;
  attachments: readonly Buffer[];
}

/** What became of signals at one bus. */
export interface SignalFigures {
  /** How many were published on each topic. */
  published: { topic: string; published: number }[];
  /** Of each topic that is subscribed to, by publisher. All that it published meanwhile is the sum. */
  heard: HeardCounts[];
}

export interface HeardCounts {
  topic: string;
  /** `context/service/instance`; all lives of it together. */
  publisher: string;
  received: number;
  lost: number;
}

export interface OutgoingCall {
  service: string;
  method: string;
  envelope: Envelope;
  body: Buffer;
  /** The time that is left, in milliseconds. */
  budgetMs: number;
  /** Whether the call may be sent a second time. The callee then answers a repeated id from memory. */
  isIdempotent: boolean;
}

/** What an engine uses of an AbortSignal to hear that a caller waits no longer. An AbortSignal costs as much as all of a call. */
export interface CallSignal {
  readonly aborted: boolean;
  /** A TimeoutError where the time was over. */
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What a method has answered: a result or an error. */
export type Answer = { result: Buffer; failure?: never } | { failure: Failure; result?: never };

export interface IncomingCall extends Omit<OutgoingCall, "isIdempotent"> {
  /** Aborted when the caller no longer waits. */
  signal: AbortSignal;
}

/** Carries out a call. Answers at once where nothing has to be waited for, and never rejects. */
export type CallHandler = (call: IncomingCall) => Promise<Answer> | Answer;

/** A subscription in force. Closing it resolves when nothing further arrives; what has arrived is still settled. */
export interface Subscription extends AsyncDisposable {
  close(): Promise<void>;
}

/** Moves events, signals and calls. What resolves is in force: what is sent from then on arrives. */
export interface Engine extends AsyncDisposable {
  /** Its name in messages and documents, such as `zeromq`. */
  readonly name: string;
  /**
   * Rejects with `ERR_OVERLOADED` where a queue is full, and with `ERR_EVENT_UNROUTED` where `requireRoute` was asked for
   * and no group has listened in time.
   */
  emit(event: OutgoingEvent, options: { requireRoute: boolean }): Promise<Receipt>;
  listen(membership: Membership, handler: (delivery: Delivery) => void): Promise<Subscription>;
  /** @throws {ZcontextError} `ERR_OVERLOADED` where too many wait to be sent. */
  publish(signal: Signal): void;
  /** With a queue, each signal goes to one of the subscribers that name the same queue. */
  subscribe(topic: string, queue: string | undefined, handler: (signal: Signal) => void): Promise<Subscription>;
  signalFigures(): SignalFigures;
  call(call: OutgoingCall, signal: CallSignal): Promise<Answer>;
  serve(service: string, methods: readonly string[], handler: CallHandler): Promise<Subscription>;
  readonly operations: Operations;
  /** The most bytes of a body that it carries now, where that is less than 1 MiB. */
  readonly largestBody?: number | undefined;
  /** Why nothing can be sent or received now; undefined while all is well. */
  readonly trouble: string | undefined;
  close(): Promise<void>;
}

export interface DeadLetter {
  id: string;
  event: string;
  group: string;
  reason: DeathReason;
  attempts: number;
  /** Milliseconds of the epoch. */
  first_at: number;
  last_at: number;
  handler: string;
  error: { name: string; message: string; stack?: string };
}

/** A service that is served now, by however many instances. */
export interface ServedService {
  service: string;
  /** Those of any instance. */
  methods: string[];
  instances: number;
}

/** What to watch: names of events, of calls as `service.method`, and topics. `*` stands for any text. */
export interface TapFilter {
  events: readonly string[];
  calls: readonly string[];
  signals: readonly string[];
}

/** A copy of an event that was stored, of a call that was made, or of a signal. */
export interface TappedMessage {
  kind: "event" | "call" | "signal";
  /** Of a signal, its topic. */
  name: string;
  envelope: Envelope;
  /** As it travels. */
  body: Buffer;
}

export interface TapHandler {
  /** Must not reject. What passes while it has not resolved waits, up to a bound, and is lost beyond it. */
  onMessage(message: TappedMessage): Promise<void> | void;
  /** So many copies are lost; undefined where they were not counted, since the broker was replaced. */
  onMissed(copies: number | undefined): void;
}

/** What people and programs learn about queues and services, and do with queues, from outside. */
export interface Operations {
  services(): Promise<ServedService[]>;
  queues(): Promise<QueueFigures[]>;
  deadLetters(filter: { event?: string; group?: string }): Promise<DeadLetter[]>;
  /** @returns The letter with the event's body as it travelled. */
  deadLetter(id: string): Promise<(DeadLetter & { body: Buffer }) | undefined>;
  /** Gives the events to their groups again, as a first attempt. @returns How many there were. */
  replay(ids: readonly string[]): Promise<number>;
  discard(ids: readonly string[]): Promise<number>;
  /** Watches what passes from now on, without any effect on it. One tap at a time. */
  tap(filter: TapFilter, handler: TapHandler): Promise<Subscription>;
}
