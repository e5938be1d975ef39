// Writes lines to a stream whose reader may have stopped: a halted terminal, a pipe that is not drained. Lines that can't
// be written at once wait in a queue; when that is full they are dropped and counted. The writer never waits.
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

export interface Outlet {
  /** Never waits. Minor lines may fill only half of the queue. */
  write(text: string, isMinor?: boolean): void;
}

/** How long output may wait to be read before the process ends without, in milliseconds. */
export const UNREAD_MS = 2_000;
/** How much may wait, in characters. */
const MAX_WAITING = 2 * 1024 * 1024;

/** @param onDropped - Called with the number of lost lines once there is room again, and before the next line. */
export function createOutlet(
  stream: Writable,
  onDropped: (count: number) => void,
  maxWaiting: number = MAX_WAITING,
): Outlet {
  let dropped = 0;

  function reportDropped(): void {
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped(count);
  }

  stream.on("drain", reportDropped);
  return {
    write(text, isMinor = false) {
      neverWait(stream);
      // A failed write empties the queue without a drain event.
      if (stream.writableLength === 0) reportDropped();
      const most = isMinor ? maxWaiting / 2 : maxWaiting;
      if (stream.writableLength + text.length > most) dropped += 1;
      else stream.write(text);
    },
  };
}

/**
 * Makes writing to a stream not wait for its reader. Node sets terminals to blocking. It sets pipes to non-blocking, but a
 * child that inherits one may set it to blocking for all processes that share it, so this is repeated before each line.
 */
export function neverWait(stream: Writable & { _handle?: { setBlocking?(isBlocking: boolean): unknown } }): void {
  stream._handle?.setBlocking?.(false);
}

/** Resolves with true when all that was written is out, or can't get out; with false after `boundMs` milliseconds. */
export async function emptied(stream: Writable, boundMs: number): Promise<boolean> {
  const late = new AbortController();
  const isLate = pause(boundMs, true, { signal: late.signal }).catch(() => true);
  while (stream.writableLength > 0) {
    // An empty write completes after all before it. The loop is for lines that are written once there is room again.
    const written = new Promise<false>((resolve) => stream.write("", () => resolve(false)));
    if (await Promise.race([written, isLate])) return false;
  }
  late.abort();
  return true;
}
