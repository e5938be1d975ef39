// Shares the event loop among sources that have much to do at once: each in turn does one piece of its work, and after a
// few milliseconds sockets, timers and signals are served before it goes on.

/** One piece of work; returns whether there is more of it. After a throw it is called again. */
export type Piece = () => boolean;

export interface TimeSlices {
  /** Calls `piece` until it has no more: at once while the slice lasts, the rest in the slices that follow. */
  schedule(piece: Piece): void;
}

export interface TimeSlicesOptions {
  /** How long all sources together may hold the event loop, in milliseconds; defaults to 5. */
  sliceMs?: number;
  /** The monotonic clock. */
  nowMs?: () => number;
  /** Calls once, after everything else that waits for the event loop. */
  later?: (call: () => void) => void;
}

export function createTimeSlices({
  sliceMs = 5,
  nowMs = () => performance.now(),
  later = setImmediate,
}: TimeSlicesOptions = {}): TimeSlices {
  const waiting: Piece[] = [];
  let isInSlice = false;
  let untilMs = 0;

  function begin(): void {
    isInSlice = true;
    untilMs = nowMs() + sliceMs;
    later(() => {
      isInSlice = false;
      if (waiting.length > 0) begin();
    });
    // At least one piece a slice, however late it is.
    do callNext();
    while (waiting.length > 0 && nowMs() < untilMs);
  }

  function callNext(): void {
    const piece = waiting.shift() as Piece;
    let hasMore = true;
    try {
      hasMore = piece();
    } finally {
      if (hasMore) waiting.push(piece);
    }
  }

  return {
    schedule(piece) {
      waiting.push(piece);
      if (!isInSlice) return begin();
      while (waiting.length > 0 && nowMs() < untilMs) callNext();
    },
  };
}
