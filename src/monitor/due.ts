/** Decides whose turn it is to be read, where reading all at once would be too dear. Keeps nothing. */

/** Something to be read again and again. The clock only goes forward. */
export interface Awaiting {
  dueMs: number;
}

export interface Tick {
  atMs: number;
  /** Since the tick before; 0 for the first. */
  sinceMs: number;
}

/** So many are read at any tick: a handful is known at once. */
const HANDFUL = 5;

/**
 * Picks those whose turn it is at this tick, who has waited longest first. No tick takes more than its share of the
 * period, so that many who come at once are spread over it and stay spread.
 */
export function takeTurns<T extends Awaiting>(all: readonly T[], { atMs, sinceMs }: Tick, periodMs: number): T[] {
  const share = Math.max(HANDFUL, Math.ceil((all.length * sinceMs) / periodMs));
  // Who is nearer to this tick than to the next; otherwise a tick a millisecond early would put it off by a whole one.
  const due = all.filter(({ dueMs }) => dueMs <= atMs + sinceMs / 2);
  return due.sort((left, right) => left.dueMs - right.dueMs).slice(0, share);
}
