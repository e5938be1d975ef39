// Reads the kept history of the last hour when the server starts, and holds back what happens meanwhile, so that all of it
// is kept in order.
import { reasonOf } from "../../errors.ts";
import { type HistoryRecord, timeOf } from "../../history/records.ts";
import type { Log } from "../../log.ts";
import type { KeptHistory } from "../contract/source.ts";

export interface Backfill {
  /** Resolves when all that could be read is kept, and then what has happened meanwhile. */
  readonly done: Promise<void>;
  /** Keeps what happens now: at once, or after the history. */
  inOrder(keep: () => void): void;
  /** Drops what is held back. */
  close(): void;
}

export interface BackfillOptions {
  sinceMs: number;
  /** Younger records are left out: they come as events. */
  untilMs: number;
  keep(record: HistoryRecord): void;
  log: Log;
}

/** When more than this happens during the reading, the rest of the history is left out. */
const MAX_MEANWHILE = 20_000;

/** Begins to read; without a kept history there is nothing to wait for. */
export function startBackfill(
  history: KeptHistory | undefined,
  { sinceMs, untilMs, keep, log }: BackfillOptions,
): Backfill {
  /** What is to be kept after the history; undefined once the history is kept. */
  let meanwhile: (() => void)[] | undefined = history && [];

  async function read({ since }: KeptHistory): Promise<void> {
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
    done: history === undefined ? Promise.resolve() : read(history),
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
