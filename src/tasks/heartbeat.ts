// The heartbeat of a task tells the provider, at regular intervals, that the task's event loop turns. A blocked loop or a
// halted process falls silent, and the provider decides what to do about it.
import { url } from "node:inspector";
import { getHeapStatistics } from "node:v8";
import type { Beat } from "../protocol/pipe.ts";

export interface Heartbeat {
  stop(): void;
}

/** The clock and timer of a heartbeat. */
export interface HeartbeatClock {
  monotonicMs(): number;
  /** Calls again and again, without keeping the process alive; returns a function that ends that. */
  every(intervalMs: number, call: () => void): () => void;
}

const realClock: HeartbeatClock = {
  monotonicMs: () => performance.now(),
  every(intervalMs, call) {
    const timer = setInterval(call, intervalMs).unref();
    return () => clearInterval(timer);
  },
};

/** Beats at once and then every `heartbeatMs` milliseconds; never if that is 0. */
export function startHeartbeat(
  heartbeatMs: number,
  onBeat: (beat: Beat) => void,
  clock: HeartbeatClock = realClock,
): Heartbeat {
  if (!(heartbeatMs > 0)) return { stop() {} };
  let dueMs = clock.monotonicMs();

  // The lateness of this timer is all we need. A histogram of the loop's delay has a timer that fires a hundred times as
  // often and wakes every idle task.
  function beat(): void {
    const nowMs = clock.monotonicMs();
    const delayMs = Math.max(0, nowMs - dueMs);
    dueMs = nowMs + heartbeatMs;
    onBeat({ delayMs, ...readLoop() });
  }

  beat();
  return { stop: clock.every(heartbeatMs, beat) };
}

/** Whether a debugger may be attached to this process. Only the main thread of a process can tell. */
export function isInspected(): boolean {
  return url() !== undefined;
}

function readLoop(): Omit<Beat, "delayMs"> {
  return {
    // process.memoryUsage() reads a file, which takes fifteen times as long and throws when no descriptor is left.
    heapBytes: getHeapStatistics().used_heap_size,
    handles: process.getActiveResourcesInfo().length,
    isInspected: isInspected(),
  };
}
