// Gathers what a member says in one turn of the event loop into one batch, unless that has nothing to wait for, and knows which batches the broker has carried
// out.
import type { Batch, Item, ToBroker } from "../operations.ts";

export interface Batcher {
  add(item: Item<ToBroker>): void;
  /** Sends what is gathered; with nothing gathered, an empty batch shows that this member lives. */
  send(): void;
  /** Sends what is gathered, if there is any. */
  flush(): void;
  /** Drops what is gathered. */
  clear(): void;
  /** The number of the batch that the next item is in. */
  readonly next: number;
  /** When the last batch was sent. */
  readonly sentMs: number;
}

/** A batch is sent before the end of the turn once it has so many bytes. */
const BATCH_BYTES = 256 * 1024;
/** And once it has so many operations: the broker carries out the first while the rest is made. */
const BATCH_LENGTH = 64;

export function createBatcher(send: (batch: Batch<ToBroker>) => void, nowMs: () => number): Batcher {
  let items: Item<ToBroker>[] = [];
  let bytes = 0;
  let number = 0;
  let sentMs = 0;
  let isDue = false;

  function clear(): void {
    items = [];
    bytes = 0;
  }

  function flush(): void {
    if (items.length > 0) sendNow();
  }

  function sendNow(): void {
    const batch = { number: number + 1, done: 0, items };
    number += 1;
    sentMs = nowMs();
    clear();
    send(batch);
  }

  return {
    add(item) {
      items.push(item);
      bytes += item.body.length + (item.envelope?.length ?? 0);
      if (bytes >= BATCH_BYTES || items.length >= BATCH_LENGTH) return sendNow();
      if (isDue) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        flush();
      });
    },
    send: sendNow,
    flush,
    clear,
    get next() {
      return number + 1;
    },
    get sentMs() {
      return sentMs;
    },
  };
}
