// The events that this member has, and what it has decided about them and the broker has not confirmed. Both outlive a broker.
import { reasonOf, type ZcontextError } from "../../../errors.ts";
import { createBag } from "../../../number-map.ts";
import type { Delivery, Verdict } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import { Losable } from "../../contract/losable.ts";
import type { FromBroker, QueueKey, ToBroker } from "../operations.ts";
import { unpack } from "../parcel.ts";

type Given = Extract<FromBroker, { op: "deliver" }>;
type Settle = Extract<ToBroker, { op: "settle" }>;
type Key = QueueKey & { attempt: number };

export interface Holdings {
  /** Makes a delivery of what the broker gives; undefined for an event that can't be read, which is a dead letter then. */
  take(given: Given, bytes: Buffer): Delivery | undefined;
  /** What this member has, for the next broker. */
  list(): Key[];
  /** Decisions that the broker has not confirmed, which are then no longer waited for. */
  unconfirmed(): Settle[];
  /** The broker has carried out this batch and those before it. */
  confirm(batch: number): void;
  /** Whether this member has no event. */
  readonly isIdle: boolean;
  /** The broker has given all of it to others. */
  loseAll(error: ZcontextError): void;
}

/**
 * @param settle - Says a decision, and answers the number of its batch.
 * @param onIdle - Called when the last event that this member had was settled.
 */
export function createHoldings(settle: (settlement: Settle) => number, onIdle: () => void): Holdings {
  const held = createBag<HeldDelivery>();
  let decided: { batch: number; settlement: Settle }[] = [];

  function decide(settlement: Settle): void {
    decided.push({ batch: settle(settlement), settlement });
  }

  function settleHeld(delivery: HeldDelivery, verdict: Verdict): void {
    if (!held.delete(delivery.number)) return;
    const { g, seq, attempt } = delivery.key;
    // Nearly all are acknowledged; spreading the parts of one takes longer than all else of it.
    decide(
      verdict.verdict === "ack"
        ? { op: "settle", g, seq, attempt, verdict: "ack" }
        : { op: "settle", g, seq, attempt, ...verdict },
    );
    if (held.size === 0) onIdle();
  }

  return {
    take(given, bytes) {
      const key = { g: given.g, seq: given.seq, attempt: given.attempt };
      try {
        const { envelope, body } = unpack({ head: given.head, bytes });
        const delivery = new HeldDelivery(key, given, envelope, body, settleHeld);
        delivery.number = held.add(delivery);
        return delivery;
      } catch (error) {
        const failure = {
          code: "ERR_MESSAGE_MALFORMED",
          message: reasonOf(error),
          retryable: false,
          executed: "no",
        } as const;
        decide({ op: "settle", ...key, verdict: "dead", reason: "malformed", failure, handler: "" });
        return undefined;
      }
    },
    list: () => [...held.values().map(({ key }) => key), ...decided.map(({ settlement }) => keyOf(settlement))],
    unconfirmed() {
      const settlements = decided.map(({ settlement }) => settlement);
      decided = [];
      return settlements;
    },
    confirm(batch) {
      if ((decided[0]?.batch ?? Number.POSITIVE_INFINITY) > batch) return;
      const first = decided.findIndex((one) => one.batch > batch);
      decided = first === -1 ? [] : decided.slice(first);
    },
    get isIdle() {
      return held.size === 0;
    },
    loseAll(error) {
      for (const delivery of held.values()) delivery.lose(error);
      held.clear();
      decided = [];
    },
  };
}

/** A class, since one is made for each event: its members are shared. */
class HeldDelivery extends Losable implements Delivery {
  /** By which it is taken out of what this member has. */
  number = 0;
  readonly key: Key;
  readonly name: string;
  readonly group: string;
  readonly attempt: number;
  readonly firstAt: number;
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly #settle: (delivery: HeldDelivery, verdict: Verdict) => void;

  constructor(
    key: Key,
    { event, group, firstAt }: Given,
    envelope: Envelope,
    body: Buffer,
    settle: (delivery: HeldDelivery, verdict: Verdict) => void,
  ) {
    super();
    this.key = key;
    this.name = event;
    this.group = group;
    this.attempt = key.attempt;
    this.firstAt = firstAt;
    this.envelope = envelope;
    this.body = body;
    this.#settle = settle;
  }

  settle(verdict: Verdict): void {
    this.#settle(this, verdict);
  }
}

function keyOf({ g, seq, attempt }: Settle): Key {
  return { g, seq, attempt };
}
