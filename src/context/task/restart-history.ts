// How often one task has ended and been restarted, and with that whether and when it runs again: after an end, by a
// trigger of its own, by the triggers of others. Keeps what the pure rules of restart.ts and trigger-throttle.ts need.
import type { Supervision } from "../../config/model.ts";
import { decideRestart, type RestartDecision, type RestartMemory, spent, untried, wantsRestart } from "./restart.ts";
import { admit, unthrottled } from "./trigger-throttle.ts";

/** How a run ended that was not asked to end. */
export interface UnaskedEnd {
  hasFailed: boolean;
  code: number | null;
  /** It could not be spawned for want of something that the system may have at the next attempt. */
  isTransient?: boolean;
  /** Its code is missing or can't be run. */
  isOfCode?: boolean;
  /** What to do if it goes on ending like this. */
  advice?: string | undefined;
}

export interface RestartHistory {
  readonly memory: RestartMemory;
  /** No restart follows before the code has changed. */
  readonly isBroken: boolean;
  /** A run begins, and later it is running. */
  runBegan(): void;
  runReady(): void;
  /** What follows an end; undefined where neither its policy nor a trigger of its own wants another run. */
  afterEnd(end: UnaskedEnd, supervision: Supervision): RestartDecision | undefined;
  /** What follows a trigger by which the task starts itself; undefined once that was refused in this run. */
  byItself(supervision: Supervision): RestartDecision | undefined;
  /** Why no restart may follow now; undefined while one may. */
  refusal(supervision: Supervision): string | undefined;
  /** Keeps that a restart was refused in this run; false when it was so already. */
  refuse(): boolean;
  /** How long a start by a trigger of another task is held back, and whether that has just begun. */
  admitTrigger(): { delayMs: number; isNews: boolean };
  /** Begins anew; answers how many ends are forgotten. */
  forgive(): number;
}

const UNTIL_CODE_CHANGES = { refusal: "no restart until its code changes" };

/** @param ends - Those known from before the provider started, on the same clock. */
export function createRestartHistory(
  nowMs: () => number,
  ends: readonly number[] = [],
  random: () => number = Math.random,
): RestartHistory {
  let memory: RestartMemory = { ...untried, ends };
  let throttle = unthrottled;
  let readyMs: number | undefined;
  /** A restart was refused in the present run, or the last one. */
  let isRefused = false;
  /** The present run, or the last one, has shown that its code can't be run. */
  let isBroken = false;

  function decide(supervision: Supervision): RestartDecision {
    const end = { nowMs: nowMs(), ranMs: readyMs === undefined ? 0 : nowMs() - readyMs };
    const judged = decideRestart(memory, end, supervision, random());
    memory = judged.memory;
    return judged.decision;
  }

  const refusal = (supervision: Supervision) => spent(memory, supervision, nowMs());

  return {
    get memory() {
      return memory;
    },
    get isBroken() {
      return isBroken;
    },
    runBegan() {
      readyMs = undefined;
      isRefused = false;
      isBroken = false;
    },
    runReady() {
      readyMs = nowMs();
    },
    afterEnd({ isTransient = false, isOfCode = false, ...end }, supervision) {
      // Restarts that can't help are not counted either.
      isBroken = isOfCode;
      if (isBroken) return wantsRestart(supervision, end) ? UNTIL_CODE_CHANGES : undefined;
      // What was refused in this run counts at its end, and only as long as it is refused still.
      const present = isRefused ? refusal(supervision) : undefined;
      isRefused = present !== undefined;
      const isWanted = isTransient || wantsRestart(supervision, end);
      if (present !== undefined) return isWanted || end.hasFailed ? { refusal: present } : undefined;
      return isWanted ? decide(supervision) : undefined;
    },
    // One end leads to one restart, however many ask.
    byItself: (supervision) => (isRefused ? undefined : isBroken ? UNTIL_CODE_CHANGES : decide(supervision)),
    refusal,
    refuse() {
      const isNews = !isRefused;
      isRefused = true;
      return isNews;
    },
    admitTrigger() {
      const { delayMs, throttle: next } = admit(throttle, nowMs());
      const isNews = next.isSlowed && !throttle.isSlowed;
      throttle = next;
      return { delayMs, isNews };
    },
    forgive() {
      const { length } = memory.ends;
      memory = untried;
      isRefused = false;
      return length;
    },
  };
}
