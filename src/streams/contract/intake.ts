// Messages on their way to a handler, for protocols that hand them over and keep none: so many at a time, the others wait,
// within bounds.

export interface Intake<Message> {
  /** @param bytes - What it takes in memory. @returns False where there is no room for it. */
  add(message: Message, bytes: number): boolean;
  /** Resolves when all that was added is handled. */
  drained(): Promise<void>;
  /** Forgets what waits. @returns How many messages. */
  clear(): number;
}

const MOST_WAITING = 10_000;
const MOST_BYTES = 256 * 2 ** 20;

/**
 * @param concurrency - How many are handled at a time; 1 keeps their order.
 * @param handle - Must not reject.
 */
export function createIntake<Message>(
  concurrency: number,
  handle: (message: Message) => Promise<void>,
): Intake<Message> {
  const waiting: { message: Message; bytes: number }[] = [];
  let first = 0;
  let bytesWaiting = 0;
  let running = 0;
  let waiters: (() => void)[] = [];

  function next(): void {
    while (running < concurrency) {
      const one = waiting[first];
      if (one === undefined) break;
      first += 1;
      if (first === waiting.length || first > MOST_WAITING) compact();
      bytesWaiting -= one.bytes;
      running += 1;
      void handle(one.message).then(done);
    }
  }

  /** Gives up the part that is handled. */
  function compact(): void {
    waiting.splice(0, first);
    first = 0;
  }

  function done(): void {
    running -= 1;
    next();
    if (running > 0) return;
    for (const wake of waiters) wake();
    waiters = [];
  }

  return {
    add(message, bytes) {
      const count = waiting.length - first;
      if (count >= MOST_WAITING || (count > 0 && bytesWaiting + bytes > MOST_BYTES)) return false;
      waiting.push({ message, bytes });
      bytesWaiting += bytes;
      next();
      return true;
    },
    async drained() {
      if (running > 0 || waiting.length > 0) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    clear() {
      const count = waiting.length - first;
      first = waiting.length;
      compact();
      bytesWaiting = 0;
      return count;
    },
  };
}
