// Finds the times in which no provider ran, from the records that providers write at their begin and end. Keeps the last
// gaps only. Pure.
import { type HistoryRecord, timeOf } from "../../../src/history/records.ts";

/** A time in which no provider ran; without an end where it lasts. */
export interface Gap {
  fromMs: number;
  toMs?: number;
  wasKilled: boolean;
}

export interface GapFinder {
  /** Takes the next record; returns whether it shows that the provider before it was killed. */
  add(record: HistoryRecord): boolean;
  /**
   * @param isRunning - Whether a provider runs now; undefined where that is not known.
   * @returns the gaps, the oldest first, and whether the last provider was killed and none has followed.
   */
  read(isRunning?: boolean): { gaps: readonly Gap[]; wasKilled: boolean };
}

const MOST_GAPS = 20;

export function createGapFinder(): GapFinder {
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
