// What a task prints is kept here until the provider reads it. A task that prints faster than it is read is held back
// where it waits for something anyway; one that never waits would grow without bound, so some of its lines are dropped.
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

export interface Printer {
  /** Never waits; a line that finds no room is counted, and the count is printed once there is room again. */
  print(stream: "stdout" | "stderr", text: string): void;
  /** Resolves when all but a little has been read; at once when the task is to stop. */
  caughtUp(): Promise<void>;
  /** Resolves when everything has been read, or after so many milliseconds. */
  emptied(boundMs: number): Promise<void>;
}

/** So much of each stream may wait, in characters. */
const MAX_WAITING = 16 * 1024 * 1024;

export function createPrinter(
  streams: { stdout: Writable; stderr: Writable },
  signal: AbortSignal,
  maxWaiting: number = MAX_WAITING,
): Printer {
  const both = [streams.stdout, streams.stderr];
  const dropped = { stdout: 0, stderr: 0 };

  function tell(name: "stdout" | "stderr"): void {
    const count = dropped[name];
    dropped[name] = 0;
    streams[name].write(`zcontext: ${count} lines dropped, printed faster than they can be read\n`);
  }

  // A write of nothing is done when all that stands before it has been read.
  function written(stream: Writable, isOver: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        isOver.removeEventListener("abort", finish);
        resolve();
      };
      isOver.addEventListener("abort", finish);
      stream.write("", finish);
    });
  }

  return {
    print(name, text) {
      const stream = streams[name];
      if (stream.writableLength + text.length < maxWaiting) {
        stream.write(`${text}\n`);
        return;
      }
      if (dropped[name] === 0) stream.once("drain", () => tell(name));
      dropped[name] += 1;
    },
    async caughtUp() {
      for (const stream of both) {
        if (!signal.aborted && stream.writableNeedDrain) await written(stream, signal);
      }
    },
    async emptied(boundMs) {
      const over = new AbortController();
      const isLate = pause(boundMs, undefined, { signal: over.signal }).catch(() => {});
      const all = both.map((stream) => stream.writableLength > 0 && written(stream, over.signal));
      await Promise.race([Promise.all(all), isLate]);
      over.abort();
    },
  };
}
