// Keeps changes in the broker's store, and knows whether that can be done. A full disk may still take what is small: a fault
// lasts until as much could be written as could not before, which is tried once a second, so that room is noticed without a
// message. Pure.
import { reasonOf } from "../../../errors.ts";
import type { BrokerStore, Write } from "./store.ts";

export interface Keeper {
  /** False where the store can't keep them. */
  keep(writes: readonly Write[]): boolean;
  /** Why something could not be written; undefined where that is over, or never was. */
  readonly fault: string | undefined;
  /** Called several times a second. */
  advance(nowMs: number): void;
}

const TRIAL_MS = 1_000;
/** No trial is larger than that. */
const MAX_TRIAL_BYTES = 2 ** 20;

export function createKeeper(store: BrokerStore, onFault: (error: unknown) => void): Keeper {
  let fault: { reason: string; bytes: number } | undefined;
  let triedMs = Number.NEGATIVE_INFINITY;

  function attempt(work: () => void, sizeOf: () => number): boolean {
    try {
      work();
      if (fault !== undefined && sizeOf() >= fault.bytes) fault = undefined;
      return true;
    } catch (error) {
      const bytes = Math.min(MAX_TRIAL_BYTES, Math.max(sizeOf(), fault?.bytes ?? 0));
      fault = { reason: reasonOf(error), bytes };
      onFault(error);
      return false;
    }
  }

  return {
    keep: (writes) =>
      writes.length === 0 ||
      attempt(
        () => store.write(writes),
        () => bytesOf(writes),
      ),
    get fault() {
      return fault?.reason;
    },
    advance(nowMs) {
      if (fault === undefined || nowMs - triedMs < TRIAL_MS) return;
      triedMs = nowMs;
      const { bytes } = fault;
      attempt(
        () => store.check(bytes),
        () => bytes,
      );
    },
  };
}

/** Of what is large in them. */
function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, write) => sum + bodyOf(write).length, 0);
}

function bodyOf(write: Write): { length: number } {
  if ("put" in write && write.put === "event") return write.value.body;
  return "put" in write && write.put === "letter" ? write.body : [];
}
