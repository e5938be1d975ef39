// Starts tasks at the times of their schedules, each for as long as its transaction is open and it was not stopped.
import { isDeepStrictEqual } from "node:util";
import { type Schedule, timeAfter } from "../../config/schedule.ts";
import { hasProcess, isPending, wordsFor } from "../../protocol/task-state.ts";
import type { ScheduleMemory } from "../journal/schedule-file.ts";
import { consequenceOfDue, dueSince, scheduleOf } from "../task/schedule.ts";
import type { SupervisedTask } from "../task/task-contract.ts";
import type { Transaction } from "./transaction.ts";

export interface SchedulesOptions {
  memory: Pick<ScheduleMemory, "seenMs" | "saw">;
  /** Milliseconds since 1970, by the clock on the wall: it is what people write schedules for. */
  wallMs(): number;
  tell(transaction: Transaction, task: SupervisedTask, note: { phrase: string; reason: string }): void;
}

export interface Schedules {
  /** A task is there, has moved, has another definition, or is there no more. */
  look(transaction: Transaction, task: SupervisedTask): void;
  /** The transaction is over. */
  forget(transaction: Transaction): void;
}

/** Clocks are set, and machines sleep: the time is looked up so often at least, in milliseconds. */
const LONGEST_WAIT_MS = 60_000;

interface Armed {
  schedule: Schedule;
  seenMs: number;
  timer?: NodeJS.Timeout;
}

/** Of a task that was stopped: what comes until it is started again is not missed. */
const SWITCHED_OFF = { schedule: undefined };

export function createSchedules({ memory, wallMs, tell }: SchedulesOptions): Schedules {
  const known = new Map<Transaction, Map<string, Armed | typeof SWITCHED_OFF>>();

  function look(transaction: Transaction, { task: { id } }: SupervisedTask): void {
    const present = transaction.task(id);
    const before = known.get(transaction)?.get(id);
    if (present?.task.supervision.schedule === undefined) {
      disarm(before);
      return void known.get(transaction)?.delete(id);
    }
    const schedule = scheduleOf(present.task, present.standing.state);
    if (before !== undefined && isDeepStrictEqual(before.schedule, schedule)) return;
    disarm(before);
    const tasks = known.get(transaction) ?? new Map<string, Armed | typeof SWITCHED_OFF>();
    known.set(transaction, tasks);
    if (schedule === undefined) return void tasks.set(id, SWITCHED_OFF);
    const seenMs = (before === SWITCHED_OFF ? undefined : memory.seenMs(id, schedule)) ?? wallMs();
    const one = { schedule, seenMs };
    tasks.set(id, one);
    memory.saw(id, schedule, seenMs);
    // Not at once: it is being brought where it was, or started by the command that brings it.
    wait(transaction, id, one, 0);
  }

  function disarm(one: Armed | typeof SWITCHED_OFF | undefined): void {
    if (one !== undefined && "timer" in one) clearTimeout(one.timer);
  }

  function wait(transaction: Transaction, id: string, one: Armed, delayMs: number): void {
    one.timer = setTimeout(() => wake(transaction, id, one), delayMs).unref();
  }

  function wake(transaction: Transaction, id: string, one: Armed): void {
    const nowMs = wallMs();
    // The clock was set back: what it was ahead by counts again.
    one.seenMs = Math.min(one.seenMs, nowMs);
    const due = dueSince(one.schedule, one.seenMs, nowMs);
    if (due !== undefined) {
      one.seenMs = due.atMs;
      memory.saw(id, one.schedule, due.atMs);
    }
    const next = timeAfter(one.schedule, Math.max(one.seenMs, nowMs)) ?? Number.POSITIVE_INFINITY;
    wait(transaction, id, one, Math.min(Math.max(next - nowMs, 1), LONGEST_WAIT_MS));
    const supervised = transaction.task(id);
    if (due === undefined || supervised === undefined) return;
    const { state } = supervised.standing;
    const running = hasProcess(state) || isPending(state) ? wordsFor(state) : undefined;
    const { isStart, notes } = consequenceOfDue(due, one.schedule, running);
    for (const note of notes) tell(transaction, supervised, note);
    if (isStart) transaction.obey([{ task: supervised.task, action: "start", cause: { kind: "schedule" } }]);
  }

  return {
    look,
    forget(transaction) {
      for (const one of known.get(transaction)?.values() ?? []) disarm(one);
      known.delete(transaction);
    },
  };
}
