// What the lifecycle remembers of one task service, what can happen to it, and how the end of a run is judged. Pure.
import type { TriggerEvent } from "../../config/context-config.ts";
import type { TaskState } from "../../protocol/task-state.ts";

/** A task that is not ready yet, and that another one waits for. */
export interface Missing {
  id: string;
  state: TaskState;
}

/** What the lifecycle remembers of one task service. */
export interface Life {
  /** Runs begun, from 1; a run is one life of the task, from a spawn to the end of that process. */
  run: number;
  /** Of the present or the last process. */
  pid: number | undefined;
  /** The run was asked to stop or to restart: what it does from now on is no event of its own. */
  requested: boolean;
  /** A new run is wanted as soon as the process is gone. */
  again: boolean;
  /** How long the next start is held back, in milliseconds. */
  delayMs: number;
  /** Why the run counts as failed; on_fail has fired. */
  reason: string | undefined;
  /** Why no restart follows, though one was asked for. */
  refusal: string | undefined;
  /** Why the run fails, by its own last word or because the provider ends it; on_fail fires once it is gone. */
  fault: string | undefined;
  /** The task has told the provider, and no other, that it has come to a good end. */
  endsWell: boolean;
  /** What of it can't be ended, and why. */
  stuck: string | undefined;
  /** The tasks it waits for; empty when all are ready. */
  missing: readonly Missing[];
  /** The task itself has announced its start; with a probe it is not running by that. */
  saidStarted: boolean;
  /** The task itself has announced its failure. */
  saidFailed: boolean;
  /** The task itself has announced its end, to all. */
  saidEnded: boolean;
}

/** What every run begins with. */
export const NEW_RUN = {
  pid: undefined,
  requested: false,
  again: false,
  delayMs: 0,
  reason: undefined,
  refusal: undefined,
  fault: undefined,
  endsWell: false,
  stuck: undefined,
  saidStarted: false,
  saidFailed: false,
  saidEnded: false,
} satisfies Omit<Life, "run" | "missing">;

/** The end of a run as the operating system tells it. With `backMs` the task runs again after that pause. */
export type EndEvent =
  | { type: "exit"; clean: boolean; reason: string; backMs?: number; refusal?: string }
  | { type: "spawnFailed"; reason: string; backMs?: number; refusal?: string };

export type LifecycleEvent =
  /** Commands. `stopSoon` is a stop that still waits for the tasks that depend on this one. */
  | { type: "define" }
  | { type: "start"; delayMs: number }
  | { type: "restart"; delayMs: number }
  | { type: "stopSoon" }
  | { type: "stop" }
  /** Nothing runs, and its schedule is not to start it any more. */
  | { type: "unschedule" }
  /** Which of the tasks it depends on are not ready. */
  | { type: "dependencies"; missing: readonly Missing[] }
  /** What the operating system says. */
  | { type: "spawned"; pid: number }
  | EndEvent
  /** Its leader has gone, and other processes of it have not. */
  | { type: "lingers" }
  | { type: "stuck"; reason: string }
  /** What the task says; `unfit` is its `started` with the result `failure`. */
  | { type: "started"; isProbed?: boolean }
  | { type: "unfit"; reason: string }
  | { type: "updated" }
  | { type: "failed"; reason: string }
  | { type: "exited" }
  | { type: "stopped" }
  /** What it tells the provider alone: it has come to its end, with a reason where it has failed. */
  | { type: "ending"; reason: string | undefined }
  /** What is found out about it: its probe succeeds or it has lived long enough; it never got ready; its loop gives no
   * sign of life; it is larger than it may be. */
  | { type: "ready" }
  | { type: "readyLate"; reason: string }
  | { type: "silent"; reason: string }
  | { type: "tooLarge"; reason: string }
  /** What a timer says. */
  | { type: "killDue" }
  | { type: "backoffOver" }
  /** No restart follows its end, though one was asked for. */
  | { type: "givenUp"; refusal: string };

/** What the provider can announce for a task. */
export type ProxyWord = "created" | "started" | "stopped" | "failed";

export type TimerName = "ready" | "grace" | "backoff";

/** Work that the lifecycle asks for; the supervisor performs it. */
export type Effect =
  | { type: "spawn" }
  | { type: "askToStop" }
  | { type: "kill" }
  | { type: "awaitReady" }
  | { type: "awaitEnd" }
  | { type: "backOff"; delayMs: number }
  | { type: "disarm"; timer: TimerName }
  | { type: "announce"; word: ProxyWord; pid?: number; reason?: string }
  /** `run` is the one that the event belongs to: the next one may have begun already. */
  | { type: "fire"; event: TriggerEvent; run: number };

/** How a run has ended and what follows. */
export interface Ending {
  next: "backingOff" | "blocked" | "stopped" | "exited" | "failed";
  /** Why it counts as failed; undefined where it does not. */
  reason: string | undefined;
  /** The trigger that this end fires: none where the run was asked to end, or has fired it already. */
  fires: "on_fail" | "on_exit" | undefined;
  /** How long the next run is held back. */
  delayMs: number;
}

/**
 * Judges the end of a run whose processes are all gone. Commands decide what follows, then what the run has said of
 * itself, then how it ended.
 */
export function endingOf(life: Life, event: EndEvent): Ending {
  const { requested, again, fault, saidEnded } = life;
  const isFine = isGoodEnd(life, event.type === "exit" && event.clean);
  const isNews = !requested && life.reason === undefined;
  const reason = isNews && !isFine ? (fault ?? event.reason) : life.reason;
  return {
    next: nextAfter(life, { ...event, reason }),
    reason,
    fires: isNews ? (isFine ? (saidEnded ? undefined : "on_exit") : "on_fail") : undefined,
    delayMs: again ? life.delayMs : (event.backMs ?? 0),
  };
}

/** Whether a run that ends now ends well: no fault was found, and its process or the task itself says so. */
export function isGoodEnd({ fault, saidEnded, endsWell }: Readonly<Life>, isClean: boolean): boolean {
  return fault === undefined && (saidEnded || endsWell || isClean);
}

function nextAfter(
  { requested, again, delayMs }: Life,
  { backMs, reason }: { backMs?: number; reason: string | undefined },
): Ending["next"] {
  if (again) return delayMs > 0 ? "backingOff" : "blocked";
  if (requested) return "stopped";
  if (backMs !== undefined) return "backingOff";
  return reason === undefined ? "exited" : "failed";
}

/** Why a task has failed and is not restarted, in one clause; undefined where neither is so. */
export function failureOf({ reason, refusal }: Pick<Life, "reason" | "refusal">): string | undefined {
  const parts = [reason, refusal].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** What is known of a task from before the provider started. */
export interface Past {
  state: TaskState;
  runs: number;
  /** Ends that count for its restart intensity. */
  ends: readonly number[];
  /** Why it has failed. */
  reason?: string | undefined;
  /** How its last process ended. */
  code?: number | undefined;
  signal?: string | undefined;
}
