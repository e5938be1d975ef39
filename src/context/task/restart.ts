// Whether and when a task that has ended runs again: restart policy, restart intensity and backoff, the same for the
// policy of its file and for a trigger by which it restarts itself. Decides; the supervisor waits and spawns. Pure.
import type { Supervision } from "../../config/model.ts";

/** Ends of one task that a restart was to follow, on the monotonic clock, in milliseconds. */
export interface RestartMemory {
  /** Those of the present period, in ascending order. */
  readonly ends: readonly number[];
  /** Restarts since the task last ran long enough to count as stable. */
  readonly streak: number;
}

export const untried: RestartMemory = { ends: [], streak: 0 };

/** How a run ended that was not asked to end. */
export interface End {
  nowMs: number;
  /** How long it was running, from its start to its end; 0 if it never got there. */
  ranMs: number;
}

/** What follows an end: another run after a pause, or none. */
export type RestartDecision = { delayMs: number } | { refusal: string };

/** Backoff begins anew once a task has run for this long, in milliseconds. */
const STABLE_MS = 60_000;
/** Waits are spread by this part of themselves in both directions, so that what fell together does not rise together. */
const JITTER = 0.2;

/** Whether the file's policy wants another run after a run that failed, or ended well. */
export function wantsRestart(
  { restart, noRestartCodes }: Supervision,
  { hasFailed, code }: { hasFailed: boolean; code: number | null },
): boolean {
  if (code !== null && noRestartCodes.includes(code)) return false;
  return restart === "always" || (restart === "on-failure" && hasFailed);
}

/**
 * Counts an end that a restart is to follow, and says when it may.
 *
 * @param random - From 0 to 1, spreads the wait.
 */
export function decideRestart(
  memory: RestartMemory,
  { nowMs, ranMs }: End,
  supervision: Supervision,
  random: number,
): { decision: RestartDecision; memory: RestartMemory } {
  const { maxRestarts, periodMs, backoffMinMs, backoffMaxMs, onLimit } = supervision;
  const ends = [...within(memory.ends, periodMs, nowMs), nowMs];
  const streak = ranMs >= STABLE_MS ? 0 : memory.streak;
  const isSpent = ends.length > maxRestarts;
  const next = { ends: ends.slice(-(maxRestarts + 1)), streak: streak + 1 };
  if (isSpent && onLimit === "fail") return { decision: { refusal: refusalOf(supervision) }, memory: next };
  const waitMs = isSpent ? backoffMaxMs : Math.min(backoffMaxMs, backoffMinMs * 2 ** streak);
  return { decision: { delayMs: waitMs * (1 - JITTER + 2 * JITTER * random) }, memory: next };
}

/** Why no restart may follow now; undefined while one may. */
export function spent({ ends }: RestartMemory, supervision: Supervision, nowMs: number): string | undefined {
  const { maxRestarts, periodMs, onLimit } = supervision;
  if (onLimit === "keep-trying" || within(ends, periodMs, nowMs).length <= maxRestarts) return undefined;
  return refusalOf(supervision);
}

function within(ends: readonly number[], periodMs: number, nowMs: number): number[] {
  return ends.filter((at) => at > nowMs - periodMs);
}

function refusalOf({ maxRestarts, periodMs }: Supervision): string {
  if (maxRestarts === 0) return "max_restarts is 0";
  const often = maxRestarts === 1 ? "once" : `${maxRestarts} times`;
  return `it has ended more than ${often} within ${periodMs / 1_000} s`;
}
