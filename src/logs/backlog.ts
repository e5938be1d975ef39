// The lines that wait to be written, by file. Each file has its share, so that a task that floods its own loses no line of
// another. What finds no room is lost, and counted where it is missing: a gap follows the lines before it. Pure.

export interface Backlog {
  /** How many bytes wait. */
  readonly bytes: number;
  /** How many lines were lost, since the beginning. */
  readonly lost: number;
  /** The files that something waits for. */
  channels(): string[];
  /** @returns How many bytes wait for this file. */
  push(channel: string, line: Buffer): number;
  /** Takes lines of a file from the first on, at least one, together at most so many bytes. */
  take(channel: string, mostBytes: number): Buffer[];
  /** Puts lines back before the others. */
  putBack(channel: string, lines: readonly Buffer[]): void;
}

export interface BacklogOptions {
  /** For each file. */
  mostBytes: number;
  /** For all files together. */
  mostTotalBytes: number;
  /** Why lines find no room now. */
  why(): string;
  /** A line that tells how many are missing in its place. */
  gap(channel: string, lost: number, reason: string): Buffer;
}

interface Waiting {
  lines: Buffer[];
  bytes: number;
  /** Lines that were lost behind these. */
  lost: number;
  /** Why the first of them was. */
  reason: string;
}

export function createBacklog({ mostBytes, mostTotalBytes, why, gap }: BacklogOptions): Backlog {
  const waiting = new Map<string, Waiting>();
  let total = 0;
  let lost = 0;

  function waitingFor(channel: string): Waiting {
    const known = waiting.get(channel);
    if (known !== undefined) return known;
    const none = { lines: [], bytes: 0, lost: 0, reason: "" };
    waiting.set(channel, none);
    return none;
  }

  function add(own: Waiting, lines: readonly Buffer[], where: "behind" | "before"): void {
    own.lines = where === "before" ? [...lines, ...own.lines] : own.lines;
    if (where === "behind") own.lines.push(...lines);
    const bytes = bytesOf(lines);
    own.bytes += bytes;
    total += bytes;
  }

  function closeGap(channel: string, own: Waiting): void {
    if (own.lost === 0) return;
    const { lost: missing } = own;
    own.lost = 0;
    add(own, [gap(channel, missing, own.reason)], "behind");
  }

  return {
    get bytes() {
      return total;
    },
    get lost() {
      return lost;
    },
    channels: () => [...waiting.keys()],
    push(channel, line) {
      const own = waitingFor(channel);
      if (own.bytes + line.length > mostBytes || total + line.length > mostTotalBytes) {
        if (own.lost === 0) own.reason = why();
        own.lost += 1;
        lost += 1;
      } else {
        closeGap(channel, own);
        add(own, [line], "behind");
      }
      return own.bytes;
    },
    take(channel, most) {
      const own = waiting.get(channel);
      if (own === undefined) return [];
      if (own.lines.length === 0) closeGap(channel, own);
      let bytes = 0;
      const end = own.lines.findIndex(({ length }, index) => {
        bytes += length;
        return index > 0 && bytes > most;
      });
      const taken = own.lines.splice(0, end === -1 ? own.lines.length : end);
      const size = bytesOf(taken);
      own.bytes -= size;
      total -= size;
      if (own.lines.length === 0 && own.lost === 0) waiting.delete(channel);
      return taken;
    },
    putBack(channel, lines) {
      if (lines.length > 0) add(waitingFor(channel), lines, "before");
    },
  };
}

export function bytesOf(lines: readonly Buffer[]): number {
  return lines.reduce((sum, { length }) => sum + length, 0);
}

/** What of these lines is left to write when so many bytes of them are written: a line that is cut off is left as a whole. */
export function unwritten(lines: readonly Buffer[], bytes: number): Buffer[] {
  let end = 0;
  const first = lines.findIndex(({ length }) => {
    end += length;
    return end > bytes;
  });
  return first === -1 ? [] : lines.slice(first);
}
