// Keeps changes in the broker's store, and knows whether that can be done: after a failure it tries again once a second, so
// that a disk with room again is noticed without a message. Pure.
import { reasonOf } from "../../errors.ts";
import type { BrokerStore, Write } from "./store.ts";

export interface Keeper {
  /** False where the store can't keep them. */
  keep(writes: readonly Write[]): boolean;
  /** Why the last attempt has failed; undefined where it has not. */
  readonly fault: string | undefined;
  /** Called several times a second. */
  advance(nowMs: number): void;
}

const TRIAL_MS = 1_000;

export function createKeeper(store: BrokerStore, onFault: (error: unknown) => void): Keeper {
  let fault: string | undefined;
  let triedMs = Number.NEGATIVE_INFINITY;

  function attempt(work: () => void): boolean {
    try {
      work();
      fault = undefined;
      return true;
    } catch (error) {
      fault = reasonOf(error);
      onFault(error);
      return false;
    }
  }

  return {
    keep: (writes) => writes.length === 0 || attempt(() => store.write(writes)),
    get fault() {
      return fault;
    },
    advance(nowMs) {
      if (fault === undefined || nowMs - triedMs < TRIAL_MS) return;
      triedMs = nowMs;
      attempt(() => store.check());
    },
  };
}
