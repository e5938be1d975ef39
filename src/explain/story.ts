// Decides which facts explain how a task stands: its present or last run, how the run before that ended, and what other
// tasks had to do with it, back to the command that has started all. Pure.
import { hasProcess, isPending, isTaskState } from "../protocol/task-state.ts";
import type { Fact, MovedFact, TriggeredFact } from "./facts.ts";

/** Why a task stands where it does. */
export interface Story {
  task: string;
  transaction: string;
  /** The last state that is known. */
  state: string;
  /** Since when. */
  since: string;
  reason: string | undefined;
  /** Runs begun. */
  run: number;
  /** Of the present or the last process. */
  pid: number | undefined;
  restarts: MovedFact["restarts"];
  /** When the next try comes. */
  next: string | undefined;
  /** Its provider has gone without telling an end: it does not stand there any more. */
  isLost: boolean;
  /** The oldest first. */
  chain: readonly Fact[];
}

/** How many tasks a cause is followed back through. */
const DEPTH = 8;
/** How many steps of the task itself are told. */
const MOST = 40;
const BY_TRIGGER = /^(on_\w+) of (.+)$/s;

/**
 * @param facts - The oldest first.
 * @param asked.transaction - Default: the one in which something has happened to the task last.
 * @param asked.isProviderThere - Whether a provider of the context runs now.
 */
export function tellStory(
  facts: readonly Fact[],
  asked: { task: string; transaction?: string | undefined; isProviderThere: boolean },
): Story | undefined {
  const moves = facts.filter((fact): fact is MovedFact => fact.kind === "moved" && fact.task === asked.task);
  const transaction = asked.transaction ?? moves.at(-1)?.transaction;
  const own = moves.filter((fact) => fact.transaction === transaction);
  const last = own.at(-1);
  if (last === undefined || transaction === undefined) return undefined;

  const steps = stepsThatCount(own, last.run);
  const chain = new Set<Fact>(steps);
  const from = facts.indexOf(steps[0] ?? last);
  for (const [index, fact] of facts.entries()) {
    if (index < from) continue;
    const isSaid = fact.kind === "triggered" || fact.kind === "noted";
    const isOwn = isSaid && fact.task === asked.task && fact.transaction === transaction;
    if (isOwn || fact.kind === "provider") chain.add(fact);
  }
  for (const step of steps) for (const cause of causesOf(facts, step, DEPTH)) chain.add(cause);
  return {
    task: asked.task,
    transaction,
    state: last.to,
    since: last.time,
    reason: last.reason,
    run: last.run,
    pid: last.pid,
    restarts: last.restarts,
    next: last.to === "backingOff" && last.delayMs !== undefined ? later(last.time, last.delayMs) : undefined,
    isLost: !asked.isProviderThere && isUnderWay(last.to),
    chain: facts.filter((fact) => chain.has(fact)),
  };
}

/**
 * Of a task's steps: all of its present run, and of the runs before it how they have ended, back to the start that was not
 * a restart after a pause.
 */
function stepsThatCount(own: readonly MovedFact[], run: number): MovedFact[] {
  const present = own.filter((step) => step.run === run);
  const start = present.find(({ to }) => to === "starting");
  const before = own.filter((step) => step.run === run - 1);
  const end = before.findIndex(({ event }) => isEnd(event));
  const endOfBefore = end === -1 ? [] : before.slice(end);
  if (start?.event !== "backoffOver" || before.length === 0) return [...endOfBefore, ...present];
  const earlier = stepsThatCount(own, run - 1).filter((step) => step.run < run - 1 || !endOfBefore.includes(step));
  const told = earlier.filter((step) => isEnd(step.event) || (step.to === "starting" && step.event !== "backoffOver"));
  return [...told, ...endOfBefore, ...present].slice(-MOST);
}

/** A run has ended, or did not come about. */
export function isEnd(event: string): boolean {
  return event === "exit" || event === "spawnFailed";
}

function isUnderWay(state: string): boolean {
  return isTaskState(state) && (hasProcess(state) || isPending(state));
}

/** What has led to a step by way of other tasks' triggers, as far back as that is known. */
function causesOf(facts: readonly Fact[], fact: MovedFact, depth: number): Fact[] {
  const [, event, task] = BY_TRIGGER.exec(fact.cause ?? "") ?? [];
  if (task === undefined || depth === 0) return [];
  const until = facts.indexOf(fact);
  const trigger = facts
    .slice(0, until)
    .findLast(
      (each): each is TriggeredFact =>
        each.kind === "triggered" &&
        each.task === task &&
        each.event === event &&
        each.transaction === fact.transaction,
    );
  if (trigger === undefined || task === fact.task) return trigger === undefined ? [] : [trigger];
  const theirs = facts
    .slice(0, facts.indexOf(trigger))
    .filter(
      (each): each is MovedFact => each.kind === "moved" && each.task === task && each.transaction === fact.transaction,
    );
  const step = theirs.at(-1);
  const start = theirs.find(({ run, to }) => run === step?.run && to === "starting");
  const steps = [...new Set([start, step])].filter((each) => each !== undefined);
  return [trigger, ...steps, ...steps.flatMap((each) => causesOf(facts, each, depth - 1))];
}

function later(time: string, byMs: number): string {
  return new Date(Date.parse(time) + byMs).toISOString();
}
