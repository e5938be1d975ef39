// Puts what was before the server in front of what happens while that is being read.
import { reasonOf } from "../errors.ts";
import { type HistoryRecord, timeOf } from "../history/records.ts";
import type { Log } from "../log.ts";
import type { Past } from "./source.ts";

export interface Recall {
  /** Resolves when all that can be read of it is kept, and what has happened meanwhile. */
  readonly done: Promise<void>;
  /** Keeps what happens now: at once, or when what was before it is kept. */
  inOrder(keep: () => void): void;
  /** What waits is not kept any more. */
  close(): void;
}

export interface RecallOptions {
  sinceMs: number;
  /** What is younger is being told. */
  untilMs: number;
  keep(record: HistoryRecord): void;
  log: Log;
}

/** So much may happen while the past is being read; then that is left. */
const MAX_MEANWHILE = 20_000;

/** Begins to read; without a past there is nothing to wait for. */
export function startRecall(past: Past | undefined, { sinceMs, untilMs, keep, log }: RecallOptions): Recall {
  /** What is to be kept once the past is: undefined when that is so. */
  let meanwhile: (() => void)[] | undefined = past && [];

  async function read({ since }: Past): Promise<void> {
    try {
      for await (const record of since(sinceMs)) {
        if (meanwhile === undefined) return;
        if (timeOf(record) < untilMs) keep(record);
      }
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, "history can't be read");
    }
    catchUp();
  }

  function catchUp(): void {
    const waiting = meanwhile ?? [];
    meanwhile = undefined;
    for (const keepNow of waiting) keepNow();
  }

  return {
    done: past === undefined ? Promise.resolve() : read(past),
    inOrder(keepNow) {
      if (meanwhile === undefined) return keepNow();
      meanwhile.push(keepNow);
      if (meanwhile.length > MAX_MEANWHILE) catchUp();
    },
    close() {
      meanwhile = undefined;
    },
  };
}
