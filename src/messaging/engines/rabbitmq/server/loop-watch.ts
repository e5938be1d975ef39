// Notes for how long the event loop of this program has not turned. Pure.

export interface LoopWatch {
  /** The loop turns. To be called each second. */
  turn(): void;
  /** For how long it was blocked just before; undefined where it was not, for what matters. */
  blockedMs(): number | undefined;
}

/** Shorter pauses are those of a busy machine. */
const LEAST_MS = 5_000;
/** How long after a pause an event is taken for its consequence. */
const AFTER_MS = 5_000;

/** @param nowMs - The monotonic clock. */
export function createLoopWatch(nowMs: () => number): LoopWatch {
  let lastMs = nowMs();
  let pause = { endedMs: Number.NEGATIVE_INFINITY, forMs: 0 };

  function turn(): void {
    const forMs = nowMs() - lastMs;
    lastMs = nowMs();
    if (forMs >= LEAST_MS) pause = { endedMs: lastMs, forMs };
  }

  return {
    turn,
    blockedMs() {
      // What ends a pause may be served before the timer is.
      turn();
      return nowMs() - pause.endedMs < AFTER_MS ? pause.forMs : undefined;
    },
  };
}
