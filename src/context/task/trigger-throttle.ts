// Trigger cycles are legal (A's end starts B, B's end starts A), so nothing forbids one that runs away. Decides how
// long a triggered start of one task is held back; never whether it happens. Pure.

const WINDOW_MS = 10_000;
/** Triggered starts of one task within the window before it is slowed down. */
const FREE_STARTS = 20;
/** It is let go again once fewer than this many fall in the window: half of what its pace allows. */
const CALM_STARTS = 5;
/** Pace of a task that is slowed down. */
const PACE_MS = 1_000;

/** Triggered starts of one task, on the monotonic clock, in milliseconds. */
export interface Throttle {
  readonly starts: readonly number[];
  /** Whether it is slowed down now, so that this is reported once. */
  readonly isSlowed: boolean;
}

export const unthrottled: Throttle = { starts: [], isSlowed: false };

/** How long this start waits, 0 for not at all, and the memory to decide the next one by. */
export function admit(
  { starts, isSlowed: wasSlowed }: Throttle,
  nowMs: number,
): { delayMs: number; throttle: Throttle } {
  const recent = starts.filter((at) => at > nowMs - WINDOW_MS);
  const isSlowed = recent.length >= (wasSlowed ? CALM_STARTS : FREE_STARTS);
  const last = recent.at(-1) ?? Number.NEGATIVE_INFINITY;
  // Never before one that waits its turn already.
  const at = Math.max(nowMs, isSlowed ? last + PACE_MS : last);
  return { delayMs: at - nowMs, throttle: { starts: [...recent, at], isSlowed } };
}
