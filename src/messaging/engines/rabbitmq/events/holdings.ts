// The events that this member has of one group, and those that it has settled and the server may give again, since it did not
// hear of that: a connection may end at any moment. Pure.
import type { ZcontextError } from "../../../../errors.ts";
import type { HeldDelivery } from "./held-delivery.ts";

export interface Holdings {
  readonly size: number;
  add(delivery: HeldDelivery): void;
  /** The server was told what was decided. */
  settled(delivery: HeldDelivery): void;
  /** Whether the server gives what was settled before. */
  wasSettled(key: string): boolean;
  /** The connection is gone: all that is here waits to be given again. */
  orphan(): void;
  /** What waits to be given again, and is now. */
  adopt(key: string): HeldDelivery | undefined;
  /** Those that were not given again are with other members. */
  loseOrphans(error: ZcontextError): void;
  loseAll(error: ZcontextError): void;
}

/** Settled events that are remembered. */
const MOST_SETTLED = 10_000;

export function createHoldings(): Holdings {
  const held = new Set<HeldDelivery>();
  const orphans = new Map<string, HeldDelivery>();
  const settled = new Set<string>();

  function loseOrphans(error: ZcontextError): void {
    for (const delivery of orphans.values()) delivery.lose(error);
    orphans.clear();
  }

  return {
    get size() {
      return held.size;
    },
    add: (delivery) => void held.add(delivery),
    settled(delivery) {
      held.delete(delivery);
      orphans.delete(delivery.head.key);
      settled.add(delivery.head.key);
      const [oldest] = settled;
      if (settled.size > MOST_SETTLED && oldest !== undefined) settled.delete(oldest);
    },
    wasSettled: (key) => settled.has(key),
    orphan() {
      for (const delivery of held) orphans.set(delivery.head.key, delivery);
      held.clear();
    },
    adopt(key) {
      const delivery = orphans.get(key);
      orphans.delete(key);
      return delivery;
    },
    loseOrphans,
    loseAll(error) {
      loseOrphans(error);
      for (const delivery of held) delivery.lose(error);
      held.clear();
    },
  };
}
