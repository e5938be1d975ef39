// Events on their way into their queues: decided about one by one, kept together with all else that has changed, and only then
// queued and answered. Pure.

import type { Accepted } from "./event-queues.ts";
import type { Keeper } from "./keeper.ts";
import type { Write } from "./store.ts";

/** An event that was not kept yet, and the number that its emitter knows it by. */
export interface Emission {
  member: string;
  n: number;
  accepted: Accepted;
  head: number;
  body: Buffer;
  requireRoute: boolean;
}

export interface Emissions {
  /** Whether nothing has to be kept. */
  readonly isSettled: boolean;
  /** Whether no event waits to be kept. */
  readonly isEmpty: boolean;
  /** A change that is kept with the next ones. */
  keep(write: Write): void;
  add(emission: Emission): void;
  /** Keeps what has changed. @returns The events that were added before; `isKept` is false where the store can't. */
  conclude(): { isKept: boolean; taken: readonly Emission[] };
}

export function createEmissions(keeper: Keeper): Emissions {
  let writes: Write[] = [];
  let emitted: Emission[] = [];
  return {
    get isSettled() {
      return writes.length === 0 && emitted.length === 0;
    },
    get isEmpty() {
      return emitted.length === 0;
    },
    keep: (write) => void writes.push(write),
    add: (emission) => void emitted.push(emission),
    conclude() {
      const [changes, taken] = [writes, emitted];
      [writes, emitted] = [[], []];
      // Where they can't be kept: what was removed is gone from memory, and after a crash it is delivered once more.
      return { isKept: keeper.keep(changes), taken };
    },
  };
}
