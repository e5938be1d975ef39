// Keeps what a task prints until the provider reads it. A task that prints faster than it is read is held back wherever
// it waits anyway. One that never waits would fill the memory, so lines beyond a bound are dropped and counted.
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

export interface TaskOutput {
  /** Never waits. Lines that find no room are dropped, and their number is printed once there is room again. */
  print(stream: "stdout" | "stderr", text: string): void;
  /** Resolves when little is left to read; at once when the task is told to stop. */
  caughtUp(): Promise<void>;
  /** Resolves when everything has been read, or nothing of it for so many milliseconds. */
  emptied(silenceMs: number): Promise<void>;
}

/** How much of each stream may wait, in characters. */
const MAX_WAITING = 16 * 1024 * 1024;

export function createTaskOutput(
  streams: { stdout: Writable; stderr: Writable },
  signal: AbortSignal,
  maxWaiting: number = MAX_WAITING,
): TaskOutput {
  const both = [streams.stdout, streams.stderr];
  const dropped = { stdout: 0, stderr: 0 };

  function unread(): number {
    const lengths = both.map((stream: WaitingStream) => stream.writableLength + (stream._handle?.writeQueueSize ?? 0));
    return lengths.reduce((sum, length) => sum + length);
  }

  function reportDropped(name: "stdout" | "stderr"): void {
    const count = dropped[name];
    dropped[name] = 0;
    streams[name].write(`zcontext: ${count} lines dropped, printed faster than they can be read\n`);
  }

  return {
    print(name, text) {
      const stream = streams[name];
      if (stream.writableLength + text.length < maxWaiting) {
        stream.write(`${text}\n`);
        return;
      }
      if (dropped[name] === 0) stream.once("drain", () => reportDropped(name));
      dropped[name] += 1;
    },
    async caughtUp() {
      for (const stream of both) {
        if (!signal.aborted && stream.writableNeedDrain) await written(stream, signal);
      }
    },
    async emptied(silenceMs) {
      const over = new AbortController();
      const all = both.map((stream) => stream.writableLength > 0 && written(stream, over.signal));
      const isRead = Promise.all(all).then(() => true);
      let before: number;
      do {
        before = unread();
        if (await Promise.race([isRead, pause(silenceMs, false, { ref: false })])) break;
      } while (unread() < before);
      over.abort();
    },
  };
}

/** A stream of Node's, whose length does not shrink before all of a write is out; that of its handle does. */
type WaitingStream = Writable & { _handle?: { writeQueueSize?: number } };

/** Resolves when all that was written so far has been read, or the signal is aborted. */
function written(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      signal.removeEventListener("abort", finish);
      resolve();
    };
    signal.addEventListener("abort", finish);
    // Writes complete in order: when an empty one does, so have all before it.
    stream.write("", finish);
  });
}
