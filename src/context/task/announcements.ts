// Merges the two copies of a task's announcements. One comes through the forwarder, where every subscriber sees them in
// one order; one comes on the pipe, which loses nothing (a program without a pipe has only the first). Decides which copy
// counts, so that each announcement is acted on once, in the task's own order: not before other subscribers could see it,
// and not after a query of one that has seen it. Keeps no time: the owner calls `settle` once the forwarder had its
// chance. Pure.

/** Announcements of one run, numbered by the task from 1 upwards. */
export interface Announcements<Message> {
  /** A copy came on the pipe. Answers whether it now waits for the forwarder's. */
  piped(sequence: number, message: Message): boolean;
  /** It came through the forwarder. */
  heard(sequence: number, message: Message): void;
  /** A copy waits for the forwarder's. */
  readonly isWaiting: boolean;
  /** Hands on every copy that the forwarder has not brought. */
  settle(): void;
}

/** `deliver` gets each announcement once, in ascending order. */
export function createAnnouncements<Message>(
  deliver: (message: Message, sequence: number) => void,
  { hasPipe = true }: { hasPipe?: boolean } = {},
): Announcements<Message> {
  /** Copies that wait, in ascending order. What comes through the forwarder is never kept: any peer can publish there. */
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
    // Where one before it is missing, the forwarder has lost that, and the copy on the pipe follows.
    heard(sequence, message) {
      if (sequence <= delivered) return;
      heardTo = Math.max(heardTo, sequence);
      handTo(sequence - 1);
      if (hasPipe && sequence !== delivered + 1) return;
      copies.delete(sequence);
      hand(sequence, message);
    },
    get isWaiting() {
      return copies.size > 0;
    },
    settle: () => handTo(pipedTo),
  };
}
