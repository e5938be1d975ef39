// Reads the figures of more than the last hour from the kept history, downsampled.
import { createDownsample } from "../../history/downsample.ts";
import type { History } from "../contract/api.ts";
import type { KeptHistory } from "../contract/source.ts";
import { createTurns } from "./turns.ts";

export interface HistorySpan {
  transaction: string;
  sinceMs: number;
  untilMs: number;
}

export interface LongHistory {
  /** Undefined when too many readings wait already, or the signal was aborted. */
  read(span: HistorySpan, signal: AbortSignal): Promise<History | undefined>;
}

/** How many rows an answer has. */
const POINTS = 600;
/** How many readings may wait or be under way. */
const MOST_WAITING = 8;

export function createLongHistory({ since }: KeptHistory): LongHistory {
  const turns = createTurns(MOST_WAITING);

  async function readNow({ transaction, sinceMs, untilMs }: HistorySpan, signal: AbortSignal) {
    const rows = createDownsample({ sinceMs, untilMs, points: POINTS });
    if (signal.aborted) return undefined;
    for await (const record of since(sinceMs)) {
      if (signal.aborted) return undefined;
      if (record.kind === "figures" && record.transaction === transaction) rows.add(record);
    }
    return rows.read();
  }

  return {
    read: (span, signal) => turns.take(() => readNow(span, signal)),
  };
}
