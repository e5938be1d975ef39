// When no provider ran, out of what providers say of themselves and of others. Pure; the last gaps are kept. Pure.
import { type HistoryRecord, timeOf } from "../../src/history/records.ts";

/** A time in which no provider ran; one that lasts has no end. */
export interface Gap {
  fromMs: number;
  toMs?: number;
  wasKilled: boolean;
}

export interface Gaps {
  /** Takes the next record; answers whether it shows that the provider before it was killed. */
  add(record: HistoryRecord): boolean;
  /**
   * @param isRunning - Whether a provider runs now; undefined where nobody knows.
   * @returns the gaps, the oldest first, and whether the last provider was killed and none has come since.
   */
  read(isRunning?: boolean): { gaps: readonly Gap[]; wasKilled: boolean };
}

const MOST_GAPS = 20;

export function createGaps(): Gaps {
  let gaps: Gap[] = [];
  let lastMs: number | undefined;
  let hasLeft = false;

  return {
    add(record) {
      const atMs = timeOf(record);
      const fromMs = record.kind === "provider" && record.event === "begin" ? lastMs : undefined;
      const wasKilled = fromMs !== undefined && !hasLeft;
      if (fromMs !== undefined) gaps = [...gaps, { fromMs, toMs: atMs, wasKilled }].slice(-MOST_GAPS);
      if (record.kind === "provider") hasLeft = record.event === "end";
      lastMs = atMs;
      return wasKilled;
    },
    read(isRunning) {
      const wasKilled = !hasLeft && isRunning === false;
      const isOpen = wasKilled || (hasLeft && isRunning !== true);
      if (lastMs === undefined || !isOpen) return { gaps, wasKilled };
      return { gaps: [...gaps, { fromMs: lastMs, wasKilled }], wasKilled };
    },
  };
}
