// Reads what was kept longer ago than this server remembers, downsampled. One after the other: the provider has more to
// do than to read.
import { createDownsample } from "../history/downsample.ts";
import type { Past } from "./source.ts";
import type { History } from "./wire.ts";

export interface LookBackQuestion {
  transaction: string;
  sinceMs: number;
  untilMs: number;
}

/** Answers figures; undefined when too many wait already, or nobody waits for them any more. */
export type LookBack = (asked: LookBackQuestion, signal: AbortSignal) => Promise<History | undefined>;

/** Rows of an answer. */
const POINTS = 600;
/** So many may wait for one that is read, or read it. */
const MOST_WAITING = 8;

export function createLookBack({ since }: Past): LookBack {
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function read({ transaction, sinceMs, untilMs }: LookBackQuestion, signal: AbortSignal) {
    const rows = createDownsample({ sinceMs, untilMs, points: POINTS });
    if (signal.aborted) return undefined;
    for await (const record of since(sinceMs)) {
      if (signal.aborted) return undefined;
      if (record.kind === "figures" && record.transaction === transaction) rows.add(record);
    }
    return rows.read();
  }

  return async (asked, signal) => {
    if (waiting >= MOST_WAITING) return undefined;
    waiting += 1;
    const mine = turn.then(() => read(asked, signal));
    turn = mine.catch(() => {});
    return mine.finally(() => {
      waiting -= 1;
    });
  };
}
