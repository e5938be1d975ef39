// Which readings wait, and which of them have to go where too many do: the oldest. Knows numbers and sizes; the readings
// themselves are on the disk. Pure.

/** What may wait. */
export interface BacklogLimits {
  readings: number;
  bytes: number;
}

export const DEFAULT_LIMITS: BacklogLimits = { readings: 10_000, bytes: 64 * 2 ** 20 };

interface Entry {
  seq: number;
  bytes: number;
}

export class Backlog {
  readonly #limits: BacklogLimits;
  // In ascending order. Those that have gone are taken out of the map at once, and in front of the list when it is looked at.
  readonly #waiting = new Map<number, number>();
  #bytes = 0;

  constructor(limits: BacklogLimits, entries: Iterable<Entry> = []) {
    this.#limits = limits;
    for (const { seq, bytes } of entries) this.#put(seq, bytes);
  }

  get readings(): number {
    return this.#waiting.size;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a reading of this size could ever wait. */
  fits(bytes: number): boolean {
    return bytes <= this.#limits.bytes && this.#limits.readings > 0;
  }

  /** Adds the youngest one. @returns The oldest ones, which have to go for it. */
  add({ seq, bytes }: Entry): number[] {
    this.#put(seq, bytes);
    const dropped: number[] = [];
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#limits.readings && this.#bytes <= this.#limits.bytes) break;
      dropped.push(oldest);
      this.remove(oldest);
    }
    return dropped;
  }

  /** @returns Whether it was still there. */
  remove(seq: number): boolean {
    const bytes = this.#waiting.get(seq);
    if (bytes === undefined) return false;
    this.#waiting.delete(seq);
    this.#bytes -= bytes;
    return true;
  }

  #put(seq: number, bytes: number): void {
    this.#waiting.set(seq, bytes);
    this.#bytes += bytes;
  }
}
