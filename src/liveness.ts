// Watchdogs over the heartbeats of tasks and of the forwarder: decides when one has been silent for too long. Silence is
// counted in the provider's own running time, so a provider that was halted, starved or suspended blames no task
// for its own pause. What follows from a silence is the caller's decision.

export interface Liveness {
  /**
   * Starts a watchdog. It waits for the first beat, and from then on for a silence of `timeoutMs` milliseconds. `onSilent`
   * is called at most once, with how long the silence has lasted; the watchdog has ended by then.
   *
   * @param caughtUp - Resolves when what had been sent before the call has been read. A beat that waits behind much else ends
   *   a silence as well.
   */
  startWatchdog(timeoutMs: number, onSilent: (silentMs: number) => void, caughtUp?: () => Promise<void>): Watchdog;
}

export interface Watchdog {
  /** Ends a silence. After the beat of a task under a debugger, which may halt it, silence counts only from the next beat on. */
  beat(reading?: { isInspected: boolean }): void;
  end(): void;
}

export interface LivenessOptions {
  /** How often silence is checked, in milliseconds; defaults to 250. */
  everyMs?: number;
  /** The monotonic clock. */
  nowMs?: () => number;
  /** Calls at an interval, without keeping the process alive; returns what ends that. */
  every?: (intervalMs: number, call: () => void) => () => void;
  /** Calls once, after the data that already waits in the pipes has been read. */
  afterReading?: (call: () => void) => void;
}

interface Watched {
  timeoutMs: number;
  onSilent: (silentMs: number) => void;
  caughtUp: (() => Promise<void>) | undefined;
  /** What may end the silence is being read. */
  isCatchingUp: boolean;
  /** The last beat, in our running time; undefined while silence says nothing. */
  heardMs: number | undefined;
}

/** A gap between two checks of more than this many intervals was a stall of our own; the rest of it does not count. */
const MAX_INTERVALS = 2;

/** Creates the source of all watchdogs: they share one timer, which runs only while there are any. */
export function createLiveness({
  everyMs = 250,
  nowMs = () => performance.now(),
  every = everyUnref,
  afterReading = setImmediate,
}: LivenessOptions = {}): Liveness {
  const watched = new Set<Watched>();
  let stopChecking: (() => void) | undefined;
  /** Our running time at the last check, and what the clock said then. */
  let last = { ownMs: 0, atMs: 0 };

  function now(): typeof last {
    const atMs = nowMs();
    return { ownMs: last.ownMs + Math.min(atMs - last.atMs, MAX_INTERVALS * everyMs), atMs };
  }

  function check(): void {
    last = now();
    const { ownMs } = last;
    // After a stall the event loop runs timers before it reads: a beat may still wait in its pipe.
    const silent = [...watched].filter((one) => isSilent(one, ownMs) && !one.isCatchingUp);
    if (silent.length === 0) return;
    afterReading(() => {
      for (const one of silent) judge(one, ownMs);
    });
  }

  function judge(one: Watched, ownMs: number): void {
    if (one.caughtUp === undefined || !isSilent(one, ownMs)) return report(one, ownMs);
    one.isCatchingUp = true;
    void one.caughtUp().then(() => {
      one.isCatchingUp = false;
      report(one, ownMs);
    });
  }

  function report(one: Watched, ownMs: number): void {
    if (!watched.has(one) || !isSilent(one, ownMs)) return;
    end(one);
    one.onSilent(ownMs - one.heardMs);
  }

  function end(one: Watched): void {
    watched.delete(one);
    if (watched.size > 0) return;
    stopChecking?.();
    stopChecking = undefined;
  }

  return {
    startWatchdog(timeoutMs, onSilent, caughtUp) {
      const one: Watched = { timeoutMs, onSilent, caughtUp, isCatchingUp: false, heardMs: undefined };
      watched.add(one);
      if (stopChecking === undefined) {
        last = { ownMs: last.ownMs, atMs: nowMs() };
        stopChecking = every(everyMs, check);
      }
      return {
        beat({ isInspected } = { isInspected: false }) {
          one.heardMs = isInspected ? undefined : now().ownMs;
        },
        end: () => end(one),
      };
    },
  };
}

function isSilent(one: Watched, ownMs: number): one is Watched & { heardMs: number } {
  return one.heardMs !== undefined && ownMs - one.heardMs >= one.timeoutMs;
}

function everyUnref(intervalMs: number, call: () => void): () => void {
  const timer = setInterval(call, intervalMs).unref();
  return () => clearInterval(timer);
}
