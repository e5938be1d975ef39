// Readings of many files, one at a time, so that the provider keeps time for supervision.

export interface Turns {
  /** Carries a reading out when it is its turn. @returns Undefined when too many wait already. */
  take<T>(read: () => Promise<T>): Promise<T | undefined>;
}

/** @param most - How many readings may wait or be under way. */
export function createTurns(most: number): Turns {
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    async take(read) {
      if (waiting >= most) return undefined;
      waiting += 1;
      const mine = turn.then(read);
      turn = mine.catch(() => {});
      return mine.finally(() => {
        waiting -= 1;
      });
    },
  };
}
