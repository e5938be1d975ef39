// Counts what passes the broker, by names that its members choose. Names without end would take memory without end: the
// first 1,000 of each kind are counted by themselves, and all others together as `other`. Pure.
import { DURATION_BOUNDS_MS, type Durations } from "../../protocol/bus-figures.ts";

/** The name of all that is not counted by itself. */
export const OTHER = "other";
/** How many names of a kind are counted by themselves. */
export const MAX_COUNTED = 1_000;

export interface Counted<Count> {
  /** The count of a name. What is found once may be kept: it stays the same. */
  of(name: string): Count;
  all(): [name: string, count: Count][];
}

/** @param most - How many names are counted by themselves. */
export function createCounted<Count>(create: (name: string) => Count, most = MAX_COUNTED): Counted<Count> {
  const counts = new Map<string, Count>();

  function add(name: string): Count {
    const count = create(name);
    counts.set(name, count);
    return count;
  }

  return {
    of: (name) => counts.get(name) ?? (counts.size < most ? add(name) : (counts.get(OTHER) ?? add(OTHER))),
    all: () => [...counts],
  };
}

export function createDurations(): Durations {
  return { counts: new Array(DURATION_BOUNDS_MS.length + 1).fill(0), sum_ms: 0 };
}

export function addDuration(durations: Durations, ms: number): void {
  let bucket = 0;
  while (ms > (DURATION_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
  durations.counts[bucket] = (durations.counts[bucket] ?? 0) + 1;
  durations.sum_ms += ms;
}
