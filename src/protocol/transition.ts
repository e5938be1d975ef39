// A transition of a task service: what the topic `transition`, the history and the dashboard say of it. Pure.
import { count, optional, text, textThat, whole } from "./schema.ts";
import type { TaskState } from "./task-state.ts";

/**
 * A step from one state to another. `State` is `string` where the transition was read from a file or a frame: a later
 * version may have more states than this one.
 */
export type Transition<State extends string = TaskState> = {
  transaction: string;
  task: string;
  /** Counts the transitions of all tasks of a provider. */
  sequence: number;
  from: State;
  to: State;
  /** The lifecycle's event that caused it: `start`, `ready`, `exit`, … */
  event: string;
  cause?: string | undefined;
  /** Why the task stands there, where that is not as it should be; the `reason` of its record. */
  reason?: string | undefined;
  run: number;
  pid?: number | undefined;
  /** How its process has ended. */
  code?: number | undefined;
  signal?: string | undefined;
  /** As `toISOString()` writes it. */
  time: string;
};

/** A time as text. */
export const TIME = textThat((value) => !Number.isNaN(Date.parse(value)), "a time");

/** Of the schema of a transition that was kept in a file. */
export const KEPT_TRANSITION = {
  ...{ transaction: text, task: text, sequence: count, from: text, to: text, event: text },
  ...{ cause: optional(text), reason: optional(text), run: count, pid: optional(count) },
  ...{ code: optional(whole), signal: optional(text), time: TIME },
};

/** The members of a transition alone, in this order; what its keeper knows besides stays behind. */
export function pickTransition<State extends string>(whole: Transition<State>): Transition<State> {
  const { transaction, task, sequence, from, to, event, cause, reason, run, pid, code, signal, time } = whole;
  return { transaction, task, sequence, from, to, event, cause, reason, run, pid, code, signal, time };
}
