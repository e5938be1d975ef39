// The lines that wait to be written, bounded in bytes: the oldest ones beyond the bound are dropped, and counted. Pure.

export interface LineQueue {
  /** How many lines wait. */
  readonly length: number;
  /** How many were dropped. */
  readonly dropped: number;
  push(line: Buffer): void;
  /** How many lines, from the first on, fit into so many bytes. */
  fitting(bytes: number): number;
  take(count: number): Buffer[];
  /** Puts lines back before the others. */
  putBack(lines: readonly Buffer[]): void;
}

export function createLineQueue(maxBytes: number): LineQueue {
  let lines: Buffer[] = [];
  let bytes = 0;
  let dropped = 0;

  function trim(): void {
    while (bytes > maxBytes) {
      bytes -= (lines.shift() as Buffer).length;
      dropped += 1;
    }
  }

  return {
    get length() {
      return lines.length;
    },
    get dropped() {
      return dropped;
    },
    push(line) {
      lines.push(line);
      bytes += line.length;
      trim();
    },
    fitting: (room) => wholeLines(lines, room),
    take(count) {
      const taken = lines.splice(0, count);
      bytes -= bytesOf(taken);
      return taken;
    },
    putBack(rest) {
      lines = [...rest, ...lines];
      bytes += bytesOf(rest);
      trim();
    },
  };
}

/** How many of the lines, from the first on, are within so many bytes. */
export function wholeLines(lines: readonly Buffer[], bytes: number): number {
  let end = 0;
  const first = lines.findIndex(({ length }) => {
    end += length;
    return end > bytes;
  });
  return first === -1 ? lines.length : first;
}

export function bytesOf(lines: readonly Buffer[]): number {
  return lines.reduce((sum, { length }) => sum + length, 0);
}
