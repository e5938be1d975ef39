// The states of a task service, and what each means to the code that asks. One table: a new state does not compile until it
// has an answer to every question here, and a look in the terminal and on the page. Pure.

/** Where a task service stands in its lifecycle. These words travel; people see `wordsFor`. */
export type TaskState =
  | "running"
  | "starting"
  | "stopping"
  | "blocked"
  | "backingOff"
  | "unready"
  | "unresponsive"
  | "stuck"
  | "failed"
  | "exited"
  | "stopped"
  | "defined";

/**
 * `rest`: only a command or a trigger changes it. `pending`: no process lives, and one follows by itself. `live`: its
 * process may live. `ending`: its process may live, and is to end.
 */
type Phase = "rest" | "pending" | "live" | "ending";

interface Facts {
  phase: Phase;
  /** Something is wrong with it. */
  isTrouble: boolean;
  /** What people see. */
  words: string;
}

/** In the order in which they are shown. */
const FACTS: Record<TaskState, Facts> = {
  running: { phase: "live", isTrouble: false, words: "running" },
  starting: { phase: "live", isTrouble: false, words: "starting" },
  stopping: { phase: "ending", isTrouble: false, words: "stopping" },
  blocked: { phase: "pending", isTrouble: false, words: "blocked" },
  backingOff: { phase: "pending", isTrouble: false, words: "backing off" },
  unready: { phase: "ending", isTrouble: true, words: "not ready" },
  unresponsive: { phase: "ending", isTrouble: true, words: "unresponsive" },
  stuck: { phase: "ending", isTrouble: true, words: "stuck" },
  failed: { phase: "rest", isTrouble: true, words: "failed" },
  exited: { phase: "rest", isTrouble: false, words: "exited" },
  stopped: { phase: "rest", isTrouble: false, words: "stopped" },
  defined: { phase: "rest", isTrouble: false, words: "on demand" },
};

/** All states, in the order in which they are shown. */
export const TASK_STATES = Object.keys(FACTS) as readonly TaskState[];

export function isTaskState(word: unknown): word is TaskState {
  return typeof word === "string" && Object.hasOwn(FACTS, word);
}

/** A process of the task may live. */
export function hasProcess(state: TaskState): boolean {
  const { phase } = FACTS[state];
  return phase === "live" || phase === "ending";
}

/** Its process may live, and is to end. */
export function isEnding(state: TaskState): boolean {
  return FACTS[state].phase === "ending";
}

/** No process lives, and one is to follow by itself. */
export function isPending(state: TaskState): boolean {
  return FACTS[state].phase === "pending";
}

/** Nothing is under way: only a command or a trigger changes this state. */
export function isAtRest(state: TaskState): boolean {
  return FACTS[state].phase === "rest";
}

/** Something is wrong with the task, whether or not it will be tried again. */
export function isTrouble(state: TaskState): boolean {
  return FACTS[state].isTrouble;
}

/** The state as people see it: `backing off`, `on demand`. A word that is no state is shown as it is. */
export function wordsFor(state: string): string {
  return isTaskState(state) ? FACTS[state].words : state;
}
