/** A queue that takes and gives at both ends in constant time on average. */
export interface Deque<T> {
  readonly length: number;
  push(value: T): void;
  /** Puts a value before all others. */
  unshift(value: T): void;
  shift(): T | undefined;
  /** Takes out the first value that the test lets through. */
  remove(test: (value: T) => boolean): T | undefined;
}

/** Below this many taken places it is not worth while to move the rest. */
const SLACK = 1024;

export function createDeque<T>(): Deque<T> {
  /** Values that were put in front, the last one first. */
  const front: T[] = [];
  let back: (T | undefined)[] = [];
  let head = 0;

  return {
    get length() {
      return front.length + back.length - head;
    },
    push: (value) => void back.push(value),
    unshift: (value) => void front.push(value),
    shift() {
      if (front.length > 0) return front.pop();
      if (head === back.length) return undefined;
      const value = back[head];
      back[head] = undefined;
      head += 1;
      if (head > SLACK && head * 2 > back.length) {
        back = back.slice(head);
        head = 0;
      }
      return value;
    },
    remove(test) {
      const rest = back.slice(head) as T[];
      for (const part of [front, rest]) {
        const index = part === front ? part.findLastIndex(test) : part.findIndex(test);
        if (index === -1) continue;
        const [value] = part.splice(index, 1);
        [back, head] = [rest, 0];
        return value;
      }
      return undefined;
    },
  };
}
