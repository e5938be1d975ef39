/** Values that become due at a time of their own, as a binary heap. */
export interface Delays<T> {
  readonly length: number;
  add(dueMs: number, value: T): void;
  /** Takes out a value that is due. */
  shift(nowMs: number): T | undefined;
}

export function createDelays<T>(): Delays<T> {
  const heap: { dueMs: number; value: T }[] = [];
  const dueAt = (index: number) => heap[index]?.dueMs ?? Number.POSITIVE_INFINITY;

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  }

  function sink(): void {
    let here = 0;
    while (true) {
      const left = 2 * here + 1;
      const least = dueAt(left + 1) < dueAt(left) ? left + 1 : left;
      if (dueAt(least) >= dueAt(here)) return;
      swap(here, least);
      here = least;
    }
  }

  return {
    get length() {
      return heap.length;
    },
    add(dueMs, value) {
      let here = heap.push({ dueMs, value }) - 1;
      while (here > 0) {
        const parent = (here - 1) >> 1;
        if (dueAt(parent) <= dueMs) break;
        swap(here, parent);
        here = parent;
      }
    },
    shift(nowMs) {
      const [first] = heap;
      if (first === undefined || first.dueMs > nowMs) return undefined;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) {
        heap[0] = last;
        sink();
      }
      return first.value;
    },
  };
}
