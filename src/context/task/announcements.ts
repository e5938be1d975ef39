// A task's announcements come two ways: on the bus, where everybody sees them in one order, and as copies on the pipe,
// which can't lose any; those of a program without a pipe come on the bus alone. Decides which copy counts, so that each
// is acted on once, in the task's own order, with the bus working never before others could see it, and never after
// somebody who has seen it asks. Keeps no time: the owner calls `settle` when the bus had its chance. Pure.

/** Announcements of one run, numbered by the task from 1 upwards. */
export interface Announcements<Message> {
  /** A copy came on the pipe. Answers whether it now waits for the bus. */
  piped(sequence: number, message: Message): boolean;
  /** It came on the bus. */
  heard(sequence: number, message: Message): void;
  /** Hands on every copy that the bus has not brought. */
  settle(): void;
}

/** `deliver` gets each announcement once, in ascending order. */
export function createAnnouncements<Message>(
  deliver: (message: Message, sequence: number) => void,
  { hasPipe = true }: { hasPipe?: boolean } = {},
): Announcements<Message> {
  /** Copies that wait, in ascending order. What the bus brings is never kept: anybody can speak there. */
  const copies = new Map<number, Message>();
  let pipedTo = 0;
  let heardTo = 0;
  let delivered = 0;

  function handTo(last: number): void {
    for (const [sequence, message] of copies) {
      if (sequence > last) return;
      copies.delete(sequence);
      hand(sequence, message);
    }
  }

  function hand(sequence: number, message: Message): void {
    delivered = sequence;
    deliver(message, sequence);
  }

  return {
    piped(sequence, message) {
      if (sequence <= pipedTo || sequence <= delivered) return false;
      pipedTo = sequence;
      copies.set(sequence, message);
      handTo(heardTo);
      return copies.has(sequence);
    },
    // Where one before it is missing, the bus has lost that, and the pipe is on its way with it.
    heard(sequence, message) {
      if (sequence <= delivered) return;
      heardTo = Math.max(heardTo, sequence);
      handTo(sequence - 1);
      if (hasPipe && sequence !== delivered + 1) return;
      copies.delete(sequence);
      hand(sequence, message);
    },
    settle: () => handTo(pipedTo),
  };
}
