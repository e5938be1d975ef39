// Decides when text that has no line end yet is handed on: after a short silence, or when it has waited for long while more
// text came, as that of a progress bar does.

export interface PartTimer {
  /** To be called whenever text has come. */
  arrived(): void;
}

export interface PartTimerOptions {
  lines: { readonly hasPart: boolean; passPart(): void };
  /** Whether text is not being read at present, so that its absence means nothing. */
  isHeld(): boolean;
}

/** How long nothing more may come before a part is handed on, in milliseconds. */
const SILENCE_MS = 250;
/** How long a part may wait while more comes. */
const MOST_MS = 2_000;

export function createPartTimer({ lines, isHeld }: PartTimerOptions): PartTimer {
  let timer: NodeJS.Timeout | undefined;
  let firstMs = 0;
  let lastMs = 0;

  function arm(forMs: number): void {
    timer = setTimeout(look, forMs);
    timer.unref();
  }

  // On a busy machine the timer may be served before text that has come in time: only a look at all inputs tells.
  function look(): void {
    timer = undefined;
    if (!lines.hasPart) return;
    const beforeMs = lastMs;
    setImmediate(() => {
      const nowMs = performance.now();
      const isSilent = lastMs === beforeMs && nowMs - lastMs >= SILENCE_MS;
      if (lines.hasPart && !isHeld() && (isSilent || nowMs - firstMs >= MOST_MS)) lines.passPart();
      else if (lines.hasPart && timer === undefined) arm(Math.max(1, SILENCE_MS - (nowMs - lastMs)));
    });
  }

  return {
    arrived() {
      lastMs = performance.now();
      if (timer !== undefined || !lines.hasPart) return;
      firstMs = lastMs;
      arm(SILENCE_MS);
    },
  };
}
