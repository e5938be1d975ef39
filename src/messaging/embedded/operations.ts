// The protocol between the broker of the embedded engine and its members: one union for each direction.
// `docs/messaging-protocol.md` explains it for programs in other languages. Types alone. Pure.
import type { QueueFigures } from "../../protocol/bus-figures.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import type { DeadLetter, DeathReason, Durability, HeardCounts, ServedService, TapFilter } from "../contract/engine.ts";
import type { Failure } from "../contract/service-error.ts";

/** The version of the protocol, which `hello` and `welcome` name. */
export const PROTOCOL = 1;

/** A number that its sender chooses to know the answer by. */
type Asked = { n: number };
/** An operation whose body of so many bytes follows in the batch. */
type WithBody = { size: number };
/** An operation whose body begins with the envelope, JSON of `head` bytes, which the broker hands on as it is. */
type WithEnvelope = { head: number } & WithBody;
/** Identifies an event in a group's queue: the numbers of group and event. */
export type QueueKey = { g: number; seq: number };

/** What a member says to the broker. */
export type ToBroker =
  | Hello
  | { op: "bye" }
  /** `id` is the envelope's. */
  | ({ op: "emit"; event: string; id: string; requireRoute?: boolean } & Asked & WithEnvelope)
  | ({ op: "listen"; event: string; group: string; prefetch: number } & Asked)
  | ({ op: "unlisten"; event: string; group: string } & Asked)
  | ({ op: "settle"; attempt: number } & QueueKey & Settlement)
  | ({ op: "serve"; service: string; methods: string[] } & Asked)
  | ({ op: "unserve"; service: string } & Asked)
  | ({
      op: "call";
      service: string;
      method: string;
      budgetMs: number;
      isIdempotent: boolean;
    } & Asked &
      WithEnvelope)
  | ({ op: "cancel" } & Asked)
  | ({ op: "answer"; c: number } & WithBody)
  | { op: "fault"; c: number; failure: Failure }
  | ({ op: "services" } & Asked)
  | ({ op: "queues" } & Asked)
  | ({ op: "dead"; event?: string; group?: string } & Asked)
  | ({ op: "letter"; id: string } & Asked)
  | ({ op: "replay"; ids: string[] } & Asked)
  | ({ op: "discard"; ids: string[] } & Asked)
  | ({ op: "tap" } & Omit<TapFilter, "signals"> & Asked)
  | ({ op: "untap" } & Asked)
  /** What it has received and lost of signals since it last said so; 200 counts at most. */
  | { op: "heard"; signals: HeardCounts[] }
  /** So many copies have been read, and further ones may come. */
  | { op: "taken"; copies: number };

/** The first operation of a member, and the first after a new broker has come. */
export interface Hello {
  op: "hello";
  protocol: number;
  token: string;
  /** `context/service/instance`, for people. */
  src: string;
  /** Of a process on this machine, which the broker watches. */
  process?: { pid: number; startTicks: number };
  /** The deliveries of a former broker that the member still has. */
  holds: (QueueKey & { attempt: number })[];
}

export type Settlement =
  | { verdict: "ack" | "drop" }
  | { verdict: "again"; delayMs: number }
  | { verdict: "dead"; reason: DeathReason; failure: Failure; handler: string };

/** Where a member finds what does not pass the broker; neither exists for the engine of one process. */
export interface Places {
  /** Of the forwarder, where signals go. */
  endpoints?: Endpoints | undefined;
  /** The folder of the bodies of large messages. */
  claims?: string | undefined;
}

/** What the broker says to a member. */
export type FromBroker =
  | ({ op: "welcome"; protocol: number; stored: Durability } & Places)
  | { op: "refused"; code: string; reason: string }
  | ({ op: "done" } & Asked)
  | ({ op: "failed"; code: string; reason: string } & Asked)
  /** The answer to an `emit`, given for those alone that no group gets. */
  | ({ op: "unrouted" } & Asked)
  | ({
      op: "deliver";
      event: string;
      group: string;
      attempt: number;
      firstAt: number;
    } & QueueKey &
      WithEnvelope)
  /** The member no longer has what it was given, since it was silent for so long. */
  | { op: "lost"; silentMs: number }
  /** `isIdempotent` is absent for false. */
  | ({
      op: "request";
      c: number;
      service: string;
      method: string;
      budgetMs: number;
      isIdempotent?: boolean;
    } & WithEnvelope)
  | { op: "abort"; c: number }
  | ({ op: "result" } & Asked & WithBody)
  | ({ op: "failure"; failure: Failure } & Asked)
  | ({ op: "served"; services: ServedService[] } & Asked)
  | ({ op: "figures"; queues: QueueFigures[] } & Asked)
  | ({ op: "letters"; letters: DeadLetter[] } & Asked)
  | ({ op: "body"; letter: DeadLetter } & Asked & WithEnvelope)
  | ({ op: "count"; count: number } & Asked)
  | ({ op: "tapped"; kind: "event" | "call"; name: string } & WithEnvelope)
  /** The tap was not read in time, and so many copies are lost. */
  | { op: "missed"; copies: number };

/** An operation with the body that belongs to it, which is empty where the operation has none. */
export interface Item<Operation> {
  operation: Operation;
  body: Buffer;
  /** The envelope as JSON in ASCII, where that is not in the body yet: both become one when the batch is written. */
  envelope?: string;
}

/**
 * Several operations that travel together.
 *
 * `number` counts a member's batches. The broker repeats the number of the last batch that it has carried out in `done`:
 * every emit of it that the broker's answers don't name is then stored and routed, and every settlement counts.
 */
export interface Batch<Operation> {
  number: number;
  done: number;
  items: Item<Operation>[];
}
