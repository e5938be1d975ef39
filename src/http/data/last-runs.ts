// Keeps what the transitions of a task have told about its latest run: when it began, how the last one ended, and what has
// been wrong with it since it last ran. Bounded. Pure.
import { isAtRest, isTaskState } from "../../protocol/task-state.ts";
import type { Transition } from "../../protocol/transition.ts";
import type { RunFacts } from "../contract/api.ts";
import { createLruMap } from "./lru-map.ts";

export interface LastRuns {
  add(transition: Transition<string>): void;
  /** How the last process of a task has ended, where no transition has told it. */
  recall(known: { transaction: string; task: string; run: number; lastEnd: NonNullable<RunFacts["lastEnd"]> }): void;
  /** Empty for a task of which nothing is known. */
  of(transaction: string, task: string): RunFacts;
}

/** Of so many tasks the facts are kept. */
const MAX_TASKS = 1_000;

export function createLastRuns(): LastRuns {
  const known = createLruMap<{ facts: RunFacts; run: number }>(MAX_TASKS, () => ({ facts: {}, run: 0 }));
  const keyOf = (transaction: string, task: string) => JSON.stringify([transaction, task]);

  return {
    add(transition) {
      const one = known.at(keyOf(transition.transaction, transition.task));
      // Runs count from 1 in each transaction: fewer are those of a namesake that has begun since.
      const before = transition.run < one.run ? {} : one.facts;
      one.run = transition.run;
      one.facts = after(before, transition);
    },
    recall({ transaction, task, run, lastEnd }) {
      const one = known.at(keyOf(transaction, task));
      if (one.run > run || one.facts.lastEnd !== undefined) return;
      one.run = run;
      one.facts = { ...one.facts, lastEnd };
    },
    of: (transaction, task) => known.find(keyOf(transaction, task))?.facts ?? {},
  };
}

function after(before: RunFacts, { from, to, event, reason, code, signal, time }: Transition<string>): RunFacts {
  const trouble = troubleAfter(before.trouble, { from, to, reason });
  return {
    ...(before.startedAt === undefined ? {} : { startedAt: before.startedAt }),
    ...(before.lastEnd === undefined ? {} : { lastEnd: before.lastEnd }),
    ...(to === "starting" ? { startedAt: time } : {}),
    ...(event === "exit" ? { lastEnd: { time, code, signal } } : {}),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

// A restart does not mend what was wrong; a run that gets going does, and so does a start by hand.
function troubleAfter(
  before: string | undefined,
  { from, to, reason }: Pick<Transition<string>, "from" | "to" | "reason">,
): string | undefined {
  if (reason !== undefined && to !== "blocked") return reason;
  const isMended = to === "running" || isResting(from) || isResting(to);
  return isMended ? undefined : before;
}

function isResting(state: string): boolean {
  return isTaskState(state) && isAtRest(state);
}
