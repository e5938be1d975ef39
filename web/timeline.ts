// Which rows the charts show of a transaction: those of the last hour, which grow with what is told, or those of a longer
// span, which are read again when another row is due. Pure but for the reading. Pure.
import type { Figures, History } from "../src/http/api.ts";
import { addRow, noRows, type Rows, rowsOf } from "./figures.ts";
import { FIRST_SPAN, HOUR_MS } from "./spans.ts";

export interface Timeline {
  /** Shows this transaction from now on. */
  follow(transaction: string): void;
  choose(spanMs: number): void;
  /** Takes what is told of the transaction. */
  add(figures: Figures): void;
  /** Reads the last hour again. */
  refresh(): Promise<void>;
}

export interface TimelineOptions {
  /** The figures of the last hour, or of so long back. */
  read(transaction: string, backMs?: number): Promise<History>;
  show(rows: Rows): void;
  /** How it stands with the reading of a long span; empty where all is well. */
  say(text: string): void;
  nowMs?(): number;
}

/** The rows of a long span. */
const ROWS = 600;

export function createTimeline({ read, show, say, nowMs = Date.now }: TimelineOptions): Timeline {
  let transaction: string | undefined;
  let spanMs = FIRST_SPAN.ms;
  let hour: Rows = noRows();
  /** What is shown of more than an hour, and when it was read. */
  let long: { rows: Rows; atMs: number } | undefined;
  let isReading = false;

  async function refresh(): Promise<void> {
    const of = transaction;
    if (of === undefined) return;
    const history = await read(of).catch(() => undefined);
    if (history === undefined || of !== transaction) return;
    hour = rowsOf(history);
    showRows();
  }

  function showRows(): void {
    show(spanMs <= HOUR_MS ? hour : (long?.rows ?? noRows()));
    void readLong();
  }

  /** Reads a long span, where it was not read yet or is old. */
  async function readLong(): Promise<void> {
    const [of, backMs] = [transaction, spanMs];
    if (of === undefined || backMs <= HOUR_MS || isReading) return;
    if (long !== undefined && nowMs() - long.atMs < backMs / ROWS) return;
    isReading = true;
    // Only the first one is waited for.
    say(long === undefined ? "reading …" : "");
    const history = await read(of, backMs).catch(() => undefined);
    isReading = false;
    const isMeant = of === transaction && backMs === spanMs;
    say(isMeant && history === undefined ? "can't be read now" : "");
    if (isMeant) long = { rows: history === undefined ? (long?.rows ?? noRows()) : rowsOf(history), atMs: nowMs() };
    showRows();
  }

  return {
    follow(next) {
      transaction = next;
      hour = noRows();
      long = undefined;
      showRows();
      void refresh();
    },
    choose(wantedMs) {
      spanMs = wantedMs;
      long = undefined;
      say(isReading && wantedMs > HOUR_MS ? "reading …" : "");
      showRows();
    },
    add(figures) {
      addRow(hour, figures);
      showRows();
    },
    refresh,
  };
}
