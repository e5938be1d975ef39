// The last so many of what comes, and no more, whatever comes. Pure.

export interface Ring<T> {
  push(item: T): void;
  /** The oldest first. */
  all(): T[];
}

/** Keeps at most `most` items whose weights don't exceed `weight` together; the newest is always kept. */
export function createRing<T>({
  most,
  weight = Number.POSITIVE_INFINITY,
  weigh = () => 0,
}: {
  most: number;
  weight?: number;
  weigh?(item: T): number;
}): Ring<T> {
  let items: T[] = [];
  let first = 0;
  let held = 0;

  function drop(): void {
    held -= weigh(items[first] as T);
    first += 1;
  }

  return {
    push(item) {
      items.push(item);
      held += weigh(item);
      while (items.length - first > most || (held > weight && items.length - first > 1)) drop();
      // What is dropped is let go now and then, not each time: that would move all the others.
      if (first > most || first * 2 > items.length + 64) {
        items = items.slice(first);
        first = 0;
      }
    },
    all: () => items.slice(first),
  };
}

/** Values by key that are made when they are first asked for; at most `most`, those not asked for longest go. */
export function createShelf<T>(most: number, make: () => T): { at(key: string): T; find(key: string): T | undefined } {
  const values = new Map<string, T>();
  return {
    at(key) {
      const value = values.get(key) ?? make();
      values.delete(key);
      values.set(key, value);
      const [oldest] = values.keys();
      if (values.size > most && oldest !== undefined) values.delete(oldest);
      return value;
    },
    find: (key) => values.get(key),
  };
}
