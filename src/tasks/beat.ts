// The beat of a task: a word to the provider, again and again, that the event loop of the task turns. A loop that is
// blocked, or a process that is halted, falls silent, and the provider draws its conclusion.
import { url } from "node:inspector";
import { getHeapStatistics } from "node:v8";
import type { Beat } from "../protocol/pipe.ts";

export interface Beats {
  stop(): void;
}

/** What drives the beats. */
export interface BeatClock {
  monotonicMs(): number;
  /** Calls again and again, without keeping the process alive; answers what ends that. */
  every(intervalMs: number, call: () => void): () => void;
}

const realClock: BeatClock = {
  monotonicMs: () => performance.now(),
  every(intervalMs, call) {
    const timer = setInterval(call, intervalMs).unref();
    return () => clearInterval(timer);
  },
};

/** Beats at once and then every `heartbeatMs` milliseconds; never where that is 0. */
export function startBeats(heartbeatMs: number, onBeat: (beat: Beat) => void, clock: BeatClock = realClock): Beats {
  if (!(heartbeatMs > 0)) return { stop() {} };
  let dueMs = clock.monotonicMs();

  // The lateness of the beat's own timer is figure enough. A histogram of the loop's delay has a timer that fires a
  // hundred times as often and wakes every idle task.
  function beat(): void {
    const nowMs = clock.monotonicMs();
    const delayMs = Math.max(0, nowMs - dueMs);
    dueMs = nowMs + heartbeatMs;
    onBeat({ delayMs, ...readLoop() });
  }

  beat();
  return { stop: clock.every(heartbeatMs, beat) };
}

/** Whether a debugger may be attached to this process; only its main thread knows. */
export function isInspected(): boolean {
  return url() !== undefined;
}

function readLoop(): Omit<Beat, "delayMs"> {
  return {
    // process.memoryUsage() reads a file: that takes fifteen times as long, and throws where descriptors have run out.
    heapBytes: getHeapStatistics().used_heap_size,
    handles: process.getActiveResourcesInfo().length,
    isInspected: isInspected(),
  };
}
