// What a bus is doing for others: its subscriptions, and the handlers that run. Ends both in good order.
import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../errors.ts";
import { type Bag, createBag } from "../number-map.ts";
import type { Subscription } from "./contract/engine.ts";

/** What a handler that runs is told when its bus leaves. */
export interface Leaving {
  /** Aborted when the bus waits for handlers no longer. */
  readonly signal: AbortSignal;
  /** What gives back each event that is not settled. */
  readonly unsettled: Bag<() => void>;
}

export interface WorkInHand {
  readonly leaving: Leaving;
  add(work: Promise<unknown>): void;
  /** Notes a subscription until it is closed. */
  subscribed(subscription: Subscription): Subscription;
  drain(timeoutMs?: number): Promise<boolean>;
}

export function createWorkInHand(): WorkInHand {
  const subscriptions = new Set<Subscription>();
  const underWay = createBag<Promise<unknown>>();
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  const unsettled = createBag<() => void>();

  async function settled(): Promise<true> {
    // One that its broker can't be told of ends with the bus.
    await Promise.allSettled([...subscriptions].map((subscription) => subscription.close()));
    while (underWay.size > 0) await Promise.allSettled(underWay.values());
    return true;
  }

  return {
    leaving: { signal: leaving.signal, unsettled },
    add(work) {
      const number = underWay.add(work);
      const done = () => underWay.delete(number);
      work.then(done, done);
    },
    subscribed(subscription) {
      const close = async () => {
        subscriptions.delete(noted);
        await subscription.close();
      };
      const noted: Subscription = { close, [Symbol.asyncDispose]: close };
      subscriptions.add(noted);
      return noted;
    },
    async drain(timeoutMs) {
      const over = new AbortController();
      const all = settled();
      const isInTime =
        timeoutMs === undefined
          ? await all
          : await Promise.race([all, pause(timeoutMs, false, { signal: over.signal })]);
      over.abort();
      if (isInTime) return true;
      for (const giveBack of unsettled.values()) giveBack();
      unsettled.clear();
      leaving.abort(
        new ZcontextError("ERR_ENGINE_UNREACHABLE", "the service stops: what it was handling is given back"),
      );
      return false;
    },
  };
}
