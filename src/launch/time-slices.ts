// Shares out the event loop among those that have much to do at once: each does a piece of its work, one after the other,
// and after a few milliseconds whoever else waits for the loop (sockets, timers, signals) has its turn.

/** A piece of somebody's work; answers whether there is more of it. Where it throws, it is called again. */
export type Piece = () => boolean;

export interface Turns {
  /** Calls `piece` until there is no more: at once as long as there is time, the rest in the turns that follow. */
  join(piece: Piece): void;
}

export interface TurnsOptions {
  /** How long all of them together may hold the loop, in milliseconds; defaults to 5. */
  turnMs?: number;
  /** The monotonic clock. */
  nowMs?: () => number;
  /** Calls once, when everybody else has had a turn. */
  later?: (call: () => void) => void;
}

export function createTurns({
  turnMs = 5,
  nowMs = () => performance.now(),
  later = setImmediate,
}: TurnsOptions = {}): Turns {
  const waiting: Piece[] = [];
  let isTurn = false;
  let untilMs = 0;

  function begin(): void {
    isTurn = true;
    untilMs = nowMs() + turnMs;
    later(() => {
      isTurn = false;
      if (waiting.length > 0) begin();
    });
    // However late it is, something gets done.
    do takeNext();
    while (waiting.length > 0 && nowMs() < untilMs);
  }

  function takeNext(): void {
    const piece = waiting.shift() as Piece;
    let hasMore = true;
    try {
      hasMore = piece();
    } finally {
      if (hasMore) waiting.push(piece);
    }
  }

  return {
    join(piece) {
      waiting.push(piece);
      if (!isTurn) return begin();
      while (waiting.length > 0 && nowMs() < untilMs) takeNext();
    },
  };
}
