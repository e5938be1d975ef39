// The events that this member has, and what it has decided about them and the broker has not confirmed. Both outlive a broker.
import type { ZcontextError } from "../../errors.ts";
import type { Delivery, Verdict } from "../contract/engine.ts";
import type { FromBroker, QueueKey, ToBroker } from "./operations.ts";

type Given = Extract<FromBroker, { op: "deliver" }>;
type Settle = Extract<ToBroker, { op: "settle" }>;

export interface Holdings {
  /** Makes a delivery of what the broker gives. */
  take(given: Given, body: Buffer): Delivery;
  /** What this member has, for the next broker. */
  list(): (QueueKey & { attempt: number })[];
  /** Decisions that the broker has not confirmed, which are then no longer waited for. */
  unconfirmed(): Settle[];
  /** The broker has carried out this batch and those before it. */
  confirm(batch: number): void;
  /** The broker has given all of it to others. */
  loseAll(error: ZcontextError): void;
}

/** @param settle - Says a decision, and answers the number of its batch. */
export function createHoldings(settle: (settlement: Settle) => number): Holdings {
  const held = new Map<string, { key: QueueKey & { attempt: number }; lose(error: ZcontextError): void }>();
  let decided: { batch: number; settlement: Settle }[] = [];

  return {
    take({ g, seq, attempt, event: name, group, firstAt, envelope }, body) {
      const id = `${g} ${seq}`;
      let taken: AbortController | undefined;
      let loss: ZcontextError | undefined;
      const one = {
        key: { g, seq, attempt },
        lose(error: ZcontextError) {
          loss = error;
          taken?.abort(error);
        },
      };
      held.set(id, one);
      return {
        ...{ name, group, attempt, firstAt, envelope, body },
        get taken() {
          taken ??= new AbortController();
          if (loss !== undefined) taken.abort(loss);
          return taken.signal;
        },
        settle(verdict: Verdict) {
          if (held.get(id) !== one) return;
          held.delete(id);
          const settlement: Settle = { op: "settle", g, seq, attempt, ...verdict };
          decided.push({ batch: settle(settlement), settlement });
        },
      };
    },
    list: () => [...[...held.values()].map(({ key }) => key), ...decided.map(({ settlement }) => keyOf(settlement))],
    unconfirmed() {
      const settlements = decided.map(({ settlement }) => settlement);
      decided = [];
      return settlements;
    },
    confirm(batch) {
      const first = decided.findIndex((one) => one.batch > batch);
      decided = first === -1 ? [] : decided.slice(first);
    },
    loseAll(error) {
      for (const one of held.values()) one.lose(error);
      held.clear();
      decided = [];
    },
  };
}

function keyOf({ g, seq, attempt }: Settle): QueueKey & { attempt: number } {
  return { g, seq, attempt };
}
