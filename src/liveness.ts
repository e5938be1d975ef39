// Notices that a task, or the forwarder, has fallen silent. Silence is counted in the provider's own time, which passes
// only while the provider itself runs: one that was halted, starved or suspended blames nobody. Decides when a silence
// has lasted long enough; what follows from it is the business of others.

export interface Liveness {
  /**
   * Waits for the first beat, and from then on for a silence of `timeoutMs` milliseconds. `onSilent` is called at most
   * once, with how long the silence has lasted; the watch has ended by then.
   */
  watch(timeoutMs: number, onSilent: (silentMs: number) => void): Watch;
}

export interface Watch {
  /** Ends a silence. That of a task which is inspected, and may be halted by whoever does, counts not before the next. */
  beat(reading?: { isInspected: boolean }): void;
  end(): void;
}

export interface LivenessOptions {
  /** How often silence is looked at, in milliseconds; defaults to 250. */
  everyMs?: number;
  /** The monotonic clock. */
  nowMs?: () => number;
  /** Calls again and again, without keeping the process alive; answers what ends that. */
  every?: (intervalMs: number, call: () => void) => () => void;
  /** Calls once, when what waits in the pipes by now has been read. */
  afterReading?: (call: () => void) => void;
}

interface Watched {
  timeoutMs: number;
  onSilent: (silentMs: number) => void;
  /** The last beat, in our own time; undefined while silence says nothing. */
  heardMs: number | undefined;
}

/** More than so many intervals between two looks was a stall of our own, and does not count. */
const MAX_INTERVALS = 2;

/** Creates what watches any number of them, with one timer that runs only while there are watches. */
export function createLiveness({
  everyMs = 250,
  nowMs = () => performance.now(),
  every = everyUnref,
  afterReading = setImmediate,
}: LivenessOptions = {}): Liveness {
  const watches = new Set<Watched>();
  let stopLooking: (() => void) | undefined;
  /** Our own time at the last look, and what the clock said then. */
  let last = { ownMs: 0, atMs: 0 };

  function now(): typeof last {
    const atMs = nowMs();
    return { ownMs: last.ownMs + Math.min(atMs - last.atMs, MAX_INTERVALS * everyMs), atMs };
  }

  function look(): void {
    last = now();
    const { ownMs } = last;
    // After a stall the timers come first: a beat that has been in its pipe all the time is read only after them.
    if ([...watches].some((watched) => isSilent(watched, ownMs))) afterReading(() => report(ownMs));
  }

  function report(ownMs: number): void {
    for (const watched of watches) {
      if (!isSilent(watched, ownMs)) continue;
      end(watched);
      watched.onSilent(ownMs - watched.heardMs);
    }
  }

  function end(watched: Watched): void {
    watches.delete(watched);
    if (watches.size > 0) return;
    stopLooking?.();
    stopLooking = undefined;
  }

  return {
    watch(timeoutMs, onSilent) {
      const watched: Watched = { timeoutMs, onSilent, heardMs: undefined };
      watches.add(watched);
      if (stopLooking === undefined) {
        last = { ownMs: last.ownMs, atMs: nowMs() };
        stopLooking = every(everyMs, look);
      }
      return {
        beat({ isInspected } = { isInspected: false }) {
          watched.heardMs = isInspected ? undefined : now().ownMs;
        },
        end: () => end(watched),
      };
    },
  };
}

function isSilent(watched: Watched, ownMs: number): watched is Watched & { heardMs: number } {
  return watched.heardMs !== undefined && ownMs - watched.heardMs >= watched.timeoutMs;
}

function everyUnref(intervalMs: number, call: () => void): () => void {
  const timer = setInterval(call, intervalMs).unref();
  return () => clearInterval(timer);
}
