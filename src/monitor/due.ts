// Decides which processes are due to be read at a tick, where reading all of them would cost too much. Pure.

/** Something that is read once a period; `dueMs` is of a monotonic clock. */
export interface Scheduled {
  dueMs: number;
}

export interface Tick {
  atMs: number;
  /** Since the previous tick; 0 for the first. */
  sinceMs: number;
}

/** So many are read at any tick, so that a few processes are all read at the first one. */
const MIN_SHARE = 5;

/**
 * Picks those that are due at this tick, the one that has waited longest first. No tick takes more than its share of the
 * period, so that many processes that come at once are spread over it and stay spread.
 */
export function pickDue<T extends Scheduled>(all: readonly T[], { atMs, sinceMs }: Tick, periodMs: number): T[] {
  const share = Math.max(MIN_SHARE, Math.ceil((all.length * sinceMs) / periodMs));
  // Due is what is nearer to this tick than to the next: a tick one millisecond early must not delay it by a whole one.
  const due = all.filter(({ dueMs }) => dueMs <= atMs + sinceMs / 2);
  return due.sort((left, right) => left.dueMs - right.dueMs).slice(0, share);
}
