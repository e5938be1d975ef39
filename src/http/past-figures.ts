// The figures of more than the last hour, downsampled out of what was kept. One reading after the other: the provider has
// more to do than to read.
import { createDownsample } from "../history/downsample.ts";
import type { History } from "./api.ts";
import type { Past } from "./source.ts";

export interface PastSpan {
  transaction: string;
  sinceMs: number;
  untilMs: number;
}

export interface PastFigures {
  /** Undefined when too many wait already, or nobody waits for the answer any more. */
  read(span: PastSpan, signal: AbortSignal): Promise<History | undefined>;
}

/** Rows of an answer. */
const POINTS = 600;
/** So many may wait for one that is read, or read it. */
const MOST_WAITING = 8;

export function createPastFigures({ since }: Past): PastFigures {
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function readNow({ transaction, sinceMs, untilMs }: PastSpan, signal: AbortSignal) {
    const rows = createDownsample({ sinceMs, untilMs, points: POINTS });
    if (signal.aborted) return undefined;
    for await (const record of since(sinceMs)) {
      if (signal.aborted) return undefined;
      if (record.kind === "figures" && record.transaction === transaction) rows.add(record);
    }
    return rows.read();
  }

  return {
    async read(span, signal) {
      if (waiting >= MOST_WAITING) return undefined;
      waiting += 1;
      const mine = turn.then(() => readNow(span, signal));
      turn = mine.catch(() => {});
      return mine.finally(() => {
        waiting -= 1;
      });
    },
  };
}
