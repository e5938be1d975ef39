// A task's announcements come two ways: on the bus, where everybody sees them in one order, and as copies on the pipe,
// which can't lose any and where nobody else can speak. What counts is the copy; the bus says when: with the bus working,
// never before others could see it. A program without a pipe is heard on the bus alone. Keeps no time: the owner calls
// `settle` when the bus had its chance.

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
  /** Copies that wait, in ascending order. */
  const copies = new Map<number, Message>();
  let pipedTo = 0;
  let heardTo = 0;

  function handTo(last: number): void {
    for (const [sequence, message] of copies) {
      if (sequence > last) return;
      copies.delete(sequence);
      deliver(message, sequence);
    }
  }

  return {
    piped(sequence, message) {
      if (sequence <= pipedTo) return false;
      pipedTo = sequence;
      copies.set(sequence, message);
      handTo(heardTo);
      return copies.has(sequence);
    },
    // The bus may have lost one before it, which then has had its chance.
    heard(sequence, message) {
      if (sequence <= heardTo) return;
      heardTo = sequence;
      if (hasPipe) handTo(sequence);
      else deliver(message, sequence);
    },
    settle: () => handTo(pipedTo),
  };
}
