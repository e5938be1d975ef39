/** How many of something there are in a second, as a mean over a second at least. */
export interface Rate {
  add(): void;
  /** @param nowMs - The monotonic clock. */
  perSecond(nowMs: number): number;
}

const MEAN_MS = 1_000;

export function createRate(): Rate {
  let count = 0;
  let last = { atMs: 0, count: 0, perSecond: 0 };
  return {
    add() {
      count += 1;
    },
    perSecond(nowMs) {
      const pastMs = nowMs - last.atMs;
      if (pastMs >= MEAN_MS) {
        const perSecond = last.atMs === 0 ? 0 : ((count - last.count) * 1_000) / pastMs;
        last = { atMs: nowMs, count, perSecond };
      }
      return last.perSecond;
    },
  };
}
