// Events that no group has ever wanted: each is held for a while, for the first group that listens. Pure.
import type { Held } from "./group-queue.ts";

/** The member that waits for a group of its event, and the number of its question. */
export interface Waiting {
  member: string;
  n: number;
}

interface UnwantedEvent {
  held: Held;
  waiting: Waiting | undefined;
}

export interface Unwanted {
  readonly size: number;
  add(held: Held, waiting: Waiting | undefined, nowMs: number): void;
  /** Takes those of one name. */
  takeFor(event: string): UnwantedEvent[];
  /** Takes those that have been held for long enough. */
  takeDue(nowMs: number): UnwantedEvent[];
}

export function createUnwanted(holdMs: number): Unwanted {
  /** All are held for the same time, so the first is due first. */
  const events = new Set<UnwantedEvent & { dueMs: number }>();

  function takeWhere(test: (one: UnwantedEvent & { dueMs: number }) => boolean): UnwantedEvent[] {
    const taken = [...events].filter(test);
    for (const one of taken) events.delete(one);
    return taken;
  }

  return {
    get size() {
      return events.size;
    },
    add: (held, waiting, nowMs) => void events.add({ held, waiting, dueMs: nowMs + holdMs }),
    takeFor: (event) => takeWhere(({ held }) => held.event === event),
    takeDue(nowMs) {
      const [first] = events;
      return first === undefined || first.dueMs > nowMs ? [] : takeWhere(({ dueMs }) => dueMs <= nowMs);
    },
  };
}
