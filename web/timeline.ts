// Decides which rows of a transaction the charts show: those of the last hour, which grow with each event, or those of a
// longer span, which are read again when another row is due. Reading and showing are passed in. Pure.
import type { Figures, History } from "../src/http/contract/api.ts";
import { addRow, noRows, type Rows, rowsOf } from "./figures.ts";
import { FIRST_SPAN, HOUR_MS } from "./spans.ts";

export interface Timeline {
  /** Shows this transaction from now on. */
  show(transaction: string): void;
  choose(spanMs: number): void;
  /** Adds figures of the transaction. */
  add(figures: Figures): void;
  /** Reads the last hour again. */
  refresh(): Promise<void>;
}

export interface TimelineOptions {
  /** The figures of the last hour, or of so long back. */
  read(transaction: string, backMs?: number): Promise<History>;
  show(rows: Rows): void;
  /** Reports the reading of a long span; empty when it is done. */
  say(text: string): void;
  nowMs?(): number;
}

/** How many rows a long span has. */
const ROWS = 600;

export function createTimeline({ read, show, say, nowMs = Date.now }: TimelineOptions): Timeline {
  let transaction: string | undefined;
  let spanMs = FIRST_SPAN.ms;
  let hour: Rows = noRows();
  /** The rows of a long span, and when they were read. */
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

  /** Reads a long span that was not read yet, or is old. */
  async function readLong(): Promise<void> {
    const [of, backMs] = [transaction, spanMs];
    if (of === undefined || backMs <= HOUR_MS || isReading) return;
    if (long !== undefined && nowMs() - long.atMs < backMs / ROWS) return;
    isReading = true;
    // A later reading replaces rows that are already shown.
    say(long === undefined ? "reading …" : "");
    const history = await read(of, backMs).catch(() => undefined);
    isReading = false;
    const isMeant = of === transaction && backMs === spanMs;
    say(isMeant && history === undefined ? "can't be read now" : "");
    if (isMeant) long = { rows: history === undefined ? (long?.rows ?? noRows()) : rowsOf(history), atMs: nowMs() };
    showRows();
  }

  return {
    show(next) {
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
