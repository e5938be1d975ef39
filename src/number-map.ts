// Values by number, for what comes and goes thousands of times a second. A Map that is emptied as fast as it is filled makes a
// new table again and again, and each old table leads to the next one: once a garbage collection has moved one table to the old
// generation, all that was ever in the later ones survives until the next full collection. Ten times the processor time was seen.
// This one moves entries within its arrays: open addressing with Fibonacci hashing, and no marks for what was deleted. See Knuth,
// The Art of Computer Programming, volume 3, section 6.4, algorithm R. Pure.

/** Values by whole number. */
export interface NumberMap<Value> {
  readonly size: number;
  get(key: number): Value | undefined;
  set(key: number, value: Value): void;
  /** @returns The value that was there. */
  delete(key: number): Value | undefined;
  /** All that are there now, in no order. */
  values(): Value[];
  clear(): void;
}

/** 2 to the 32nd, divided by the golden ratio: neighbours are spread evenly. */
const SPREAD = 0x9e3779b1;
const FEWEST_BITS = 4;

export function createNumberMap<Value>(): NumberMap<Value> {
  let bits = FEWEST_BITS;
  let keys: number[] = [];
  let values: (Value | undefined)[] = [];
  let size = 0;
  allocate();

  function allocate(): void {
    keys = new Array(2 ** bits).fill(0);
    values = new Array(2 ** bits).fill(undefined);
  }

  const homeOf = (key: number) => Math.imul(key, SPREAD) >>> (32 - bits);
  const after = (place: number) => (place + 1) & (keys.length - 1);

  /** Where a key is, or would be put. */
  function find(key: number): number {
    let place = homeOf(key);
    while (values[place] !== undefined && keys[place] !== key) place = after(place);
    return place;
  }

  function grow(): void {
    const [oldKeys, oldValues] = [keys, values];
    bits += 1;
    allocate();
    for (const [index, value] of oldValues.entries()) {
      if (value === undefined) continue;
      const key = oldKeys[index] ?? 0;
      const place = find(key);
      keys[place] = key;
      values[place] = value;
    }
  }

  /** Closes a gap: what stands behind it and could not be found any more moves into it. */
  function close(gap: number): void {
    let place = after(gap);
    for (let value = values[place]; value !== undefined; value = values[place]) {
      const key = keys[place] ?? 0;
      const mask = keys.length - 1;
      if (((place - homeOf(key)) & mask) >= ((place - gap) & mask)) {
        keys[gap] = key;
        values[gap] = value;
        gap = place;
      }
      place = after(place);
    }
    values[gap] = undefined;
  }

  return {
    get size() {
      return size;
    },
    get: (key) => values[find(key)],
    set(key, value) {
      const place = find(key);
      if (values[place] === undefined) size += 1;
      keys[place] = key;
      values[place] = value;
      if (size * 2 > keys.length) grow();
    },
    delete(key) {
      const place = find(key);
      const value = values[place];
      if (value === undefined) return undefined;
      size -= 1;
      close(place);
      return value;
    },
    values: () => values.filter((value) => value !== undefined),
    clear() {
      bits = FEWEST_BITS;
      size = 0;
      allocate();
    },
  };
}

/** Values that come and go as fast, without a key. */
export interface Bag<Value> {
  readonly size: number;
  /** @returns By what it is taken out. */
  add(value: Value): number;
  /** @returns Whether it was there. */
  delete(number: number): boolean;
  values(): Value[];
  clear(): void;
}

export function createBag<Value>(): Bag<Value> {
  const map = createNumberMap<Value>();
  let last = 0;
  return {
    get size() {
      return map.size;
    },
    add(value) {
      last += 1;
      map.set(last, value);
      return last;
    },
    delete: (number) => map.delete(number) !== undefined,
    values: map.values,
    clear: map.clear,
  };
}
