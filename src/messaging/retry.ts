// When a failed event comes back, and when it has been tried often enough. Pure.

/** How a group tries an event again. */
export interface RetryPolicy {
  /** The first attempt and those after it. Default 6. */
  attempts: number;
  /** Before the second attempt, in milliseconds; doubles with each further one. Default 200. */
  minDelayMs: number;
  /** Default 30_000. */
  maxDelayMs: number;
  /** By how much a delay may differ, of itself: 0.2 is 20 %. Default 0.2. */
  jitter: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, minDelayMs: 200, maxDelayMs: 30_000, jitter: 0.2 };

/**
 * The delay before the next attempt in milliseconds, or undefined when there is none.
 *
 * @param attempt - The one that has failed, from 1 on.
 * @param random - From 0 to 1.
 */
export function delayAfter(attempt: number, policy: RetryPolicy, random: number): number | undefined {
  if (attempt >= policy.attempts) return undefined;
  const delay = Math.min(policy.minDelayMs * 2 ** (attempt - 1), policy.maxDelayMs);
  return delay * (1 + policy.jitter * (2 * random - 1));
}
