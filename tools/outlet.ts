// Lines for a stream that nobody may be reading: a terminal that is halted, a pipe that nobody drains. What can't be
// written at once waits in a queue; where that is full, lines are dropped and counted, and whoever writes never waits.
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

export interface Outlet {
  /** Never waits. Lines that are minor leave room for those that are not. */
  write(text: string, isMinor?: boolean): void;
}

/** How much may wait, in characters; half of it is open to minor lines. */
const MAX_WAITING = 2 * 1024 * 1024;

/** @param onDropped - Called once there is room again, with how many lines have been lost; what it writes comes first. */
export function createOutlet(
  stream: Writable,
  onDropped: (count: number) => void,
  maxWaiting: number = MAX_WAITING,
): Outlet {
  let dropped = 0;

  function tell(): void {
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped(count);
  }

  stream.on("drain", tell);
  return {
    write(text, isMinor = false) {
      neverWait(stream);
      // After a write that failed the queue is empty, and no drain has been told.
      if (stream.writableLength === 0) tell();
      const most = isMinor ? maxWaiting / 2 : maxWaiting;
      if (stream.writableLength + text.length > most) dropped += 1;
      else stream.write(text);
    },
  };
}

/**
 * Has writing never wait for a reader. Of terminals Node wants to wait. Pipes and sockets never wait by themselves, but a
 * process that inherits one has it wait in all that share it, so this is said again before each line.
 */
export function neverWait(stream: Writable & { _handle?: { setBlocking?(isBlocking: boolean): unknown } }): void {
  stream._handle?.setBlocking?.(false);
}

/** Resolves when all that was written has got out, or can't; false when that takes longer than `boundMs` milliseconds. */
export async function emptied(stream: Writable, boundMs: number): Promise<boolean> {
  const late = new AbortController();
  const isLate = pause(boundMs, true, { signal: late.signal }).catch(() => true);
  while (stream.writableLength > 0) {
    // It stands behind all the others; what is told as soon as there is room again comes after it.
    const written = new Promise<false>((resolve) => stream.write("", () => resolve(false)));
    if (await Promise.race([written, isLate])) return false;
  }
  late.abort();
  return true;
}
