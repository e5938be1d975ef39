// A task's announcements come two ways: on the bus, where everybody sees them in one order, and as copies on the pipe,
// which can't lose any; those of a program without a pipe come on the bus alone. Decides which copy counts, so that each
// is acted on once, in the task's own order, and with the bus working never before others could see it. Keeps no time:
// the owner calls `settle` when the bus had its chance.

/** Announcements of one run, numbered by the task from 1 upwards. */
export interface Announcements<Message> {
  /** A copy came on the pipe. Answers whether it now waits for the bus. */
  piped(sequence: number, message: Message): boolean;
  /** It came on the bus. */
  heard(sequence: number, message: Message): void;
  /** Hands on every copy that the bus has not brought. */
  settle(): void;
}

/**
 * `deliver` gets each announcement once, in ascending order. Without a pipe no copy of a lost one is ever on its way,
 * and whatever comes on the bus is acted on at once.
 */
export function createAnnouncements<Message>(
  deliver: (message: Message, sequence: number) => void,
  { hasPipe = true }: { hasPipe?: boolean } = {},
): Announcements<Message> {
  const waiting = new Map<number, Message>();
  let delivered = 0;
  let pipedTo = hasPipe ? 0 : Number.POSITIVE_INFINITY;
  let heardTo = 0;

  function handTo(last: number): void {
    for (let next = nextWaiting(); next !== undefined && next <= last; next = nextWaiting()) {
      const message = waiting.get(next) as Message;
      waiting.delete(next);
      delivered = next;
      deliver(message, next);
    }
  }

  function nextWaiting(): number | undefined {
    if (waiting.has(delivered + 1)) return delivered + 1;
    return waiting.size === 0 ? undefined : Math.min(...waiting.keys());
  }

  return {
    piped(sequence, message) {
      if (sequence <= delivered) return false;
      pipedTo = sequence;
      if (!waiting.has(sequence)) waiting.set(sequence, message);
      handTo(Math.min(pipedTo, heardTo));
      return sequence > delivered;
    },
    // Once the bus has lost one, the pipe may still be on its way with it.
    heard(sequence, message) {
      if (sequence <= delivered) return;
      heardTo = sequence;
      waiting.set(sequence, message);
      if (sequence === delivered + 1 || sequence <= pipedTo) handTo(sequence);
    },
    settle: () => handTo(pipedTo),
  };
}
