// Keeps the last items, bounded by number and weight. Pure.

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
      // The dropped items are freed now and then; each time would move all the others.
      if (first > most || first * 2 > items.length + 64) {
        items = items.slice(first);
        first = 0;
      }
    },
    all: () => items.slice(first),
  };
}
