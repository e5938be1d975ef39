// What the broker keeps of events, and the form in which a store gives it back to the next broker. Pure.
import type { DeadLetter, Durability } from "../../contract/engine.ts";
import type { QueueKey } from "../operations.ts";

export interface Group {
  g: number;
  event: string;
  group: string;
}

export interface StoredEvent {
  seq: number;
  event: string;
  /** Of its envelope: the key of deduplication. */
  id: string;
  /** When the broker took it, in milliseconds of the epoch. */
  at: number;
  /** How many bytes of the body are the envelope. */
  head: number;
  /** The groups that get it. Empty: it is held until one listens. */
  groups: number[];
  body: Buffer;
}

/** A dead letter of which the broker keeps the body, and how many bytes of that are the envelope. */
export type StoredLetter = DeadLetter & { g: number; event_id: string; head: number };

/** A member as the next broker has to know it. */
export interface StoredMember {
  id: string;
  /** Of a process on this machine. */
  process?: { pid: number; startTicks: number } | undefined;
}

/** In a mark: the group has settled the event. */
export const SETTLED = 0;

/** One change. Those of a batch are made together or not at all. */
export type Write =
  | { put: "event"; value: StoredEvent }
  | { remove: "event"; seq: number }
  /** How far a group is with an event; `SETTLED` where others still have it. */
  | { put: "mark"; key: QueueKey; attempt: number; firstAt: number }
  | { remove: "mark"; key: QueueKey }
  | { put: "group"; value: Group }
  | { put: "member"; value: StoredMember }
  | { remove: "member"; id: string }
  | { put: "letter"; value: StoredLetter; body: Buffer }
  | { remove: "letter"; id: string };

/** What a former broker has left. */
export interface Remains {
  groups: Group[];
  /** Those that were connected; undefined in a store that forgets. */
  members: StoredMember[] | undefined;
  events: Iterable<Omit<StoredEvent, "body"> & { size: number }>;
  marks: Iterable<{ key: QueueKey; attempt: number; firstAt: number }>;
  letters: Iterable<StoredLetter>;
}

export interface BrokerStore {
  readonly stored: Durability;
  /** Makes all the changes or none. @throws When they can't be made, such as on a full disk. */
  write(writes: readonly Write[]): void;
  /** Writes so many bytes that mean nothing, and removes them. @throws When that can't be done. */
  check(bytes: number): void;
  eventBody(seq: number): Buffer;
  letterBody(id: string): Buffer;
  recover(): Remains;
  close(): Promise<void>;
}
