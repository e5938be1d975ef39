import type { Supervision } from "../../config/context-config.ts";
import { decideRestart, type RestartDecision, type RestartMemory, spent, untried } from "./restart.ts";

/** How often one task has ended and come back, kept for the restart engine. */
export interface RestartHistory {
  readonly memory: RestartMemory;
  /** A run begins, and later it is running. */
  began(): void;
  started(): void;
  /** Counts an end that another run is to follow, and says when it may. */
  judge(supervision: Supervision): RestartDecision;
  /** Why no restart may follow now; undefined while one may. */
  spent(supervision: Supervision): string | undefined;
  /** Begins anew; answers how many ends are forgotten. */
  forgive(): number;
}

/** @param ends - Those known from before the provider started, on the same clock. */
export function createRestartHistory(
  nowMs: () => number,
  ends: readonly number[] = [],
  random: () => number = Math.random,
): RestartHistory {
  let memory: RestartMemory = { ...untried, ends };
  let startedMs: number | undefined;
  return {
    get memory() {
      return memory;
    },
    began() {
      startedMs = undefined;
    },
    started() {
      startedMs = nowMs();
    },
    judge(supervision) {
      const end = { nowMs: nowMs(), ranMs: startedMs === undefined ? 0 : nowMs() - startedMs };
      const judged = decideRestart(memory, end, supervision, random());
      memory = judged.memory;
      return judged.decision;
    },
    spent: (supervision) => spent(memory, supervision, nowMs()),
    forgive() {
      const { length } = memory.ends;
      memory = untried;
      return length;
    },
  };
}
