// Whether JetStream does what is asked of it. It may not while the connection is all right: where its disk is full, where it
// hangs, or where a stream has no leader.

export interface Stall {
  /** Why something that was asked is not done. Undefined while all is well. */
  readonly reason: string | undefined;
  /** An attempt has failed, and is repeated. */
  note(attempt: object, reason: string): void;
  /** It was answered. */
  end(attempt: object): void;
  /** It is not repeated: the reason stays until JetStream answers something. */
  giveUp(attempt: object, reason: string): void;
}

/** @param answered - Resolves when JetStream has answered, however long that takes. */
export function createStall(answered: () => Promise<void>): Stall {
  const failing = new Map<object, string>();
  let left: string | undefined;

  return {
    get reason() {
      return left ?? failing.values().next().value;
    },
    note: (attempt, reason) => void failing.set(attempt, reason),
    end(attempt) {
      if (failing.size > 0) failing.delete(attempt);
      left = undefined;
    },
    giveUp(attempt, reason) {
      failing.delete(attempt);
      if (left === undefined) void answered().then(() => (left = undefined));
      left = reason;
    },
  };
}
