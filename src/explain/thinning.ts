// Decides which firings of a trigger are noted. What fires it says the same each time, but for the time: of one that fires
// all the while, some a minute tell as much, and leave room for the rest. Pure.

export interface Thinning {
  /**
   * Whether something is noted that happens now.
   *
   * @param key - What is the same each time.
   * @returns How often it has not been noted since it was noted last; undefined where it is not to be noted.
   */
  note(key: string, nowMs: number): number | undefined;
}

export interface ThinningOptions {
  /** How often the same is noted within a period. Default 20. */
  most?: number;
  /** In milliseconds. Default 60_000. */
  periodMs?: number;
}

/** From so many on, those whose period is over are forgotten. */
const MANY = 1_000;

interface Period {
  beginMs: number;
  noted: number;
  skipped: number;
}

export function createThinning({ most = 20, periodMs = 60_000 }: ThinningOptions = {}): Thinning {
  const periods = new Map<string, Period>();

  function forgetOld(nowMs: number): void {
    for (const [key, { beginMs, skipped }] of periods)
      if (nowMs - beginMs >= periodMs && skipped === 0) periods.delete(key);
  }

  return {
    note(key, nowMs) {
      const known = periods.get(key);
      if (known === undefined && periods.size >= MANY) forgetOld(nowMs);
      const isOver = known === undefined || nowMs - known.beginMs >= periodMs;
      const period = isOver ? { beginMs: nowMs, noted: 0, skipped: known?.skipped ?? 0 } : known;
      periods.set(key, period);
      if (period.noted >= most) {
        period.skipped += 1;
        return undefined;
      }
      const { skipped } = period;
      period.noted += 1;
      period.skipped = 0;
      return skipped;
    },
  };
}
