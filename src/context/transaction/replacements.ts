// Runs beside the present run of a task: one of another definition that is on trial, and after it has taken over the
// replaced one until it has ended. Each has a supervision of its own; what they do moves nothing of the task itself, and
// the provider announces nothing for them.
import type { TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import { type Deferred, deferred } from "../../deferred.ts";
import { hasProcess, isAtRest, isEnding } from "../../protocol/task-state.ts";
import { whyIn } from "../task/record.ts";
import { type Cause, COMMAND, type SupervisedTask, type TaskEvent } from "../task/task-contract.ts";

/** What becomes of a trial, for the log. */
export type TrialWord = "begun" | "ready" | "taken over" | "given up" | "replaced run gone";

/** What a trial has come to: undefined once it has been ready for long enough, or why it has failed. */
export type Verdict = string | undefined;

export interface Replacements {
  /** Starts a run of this definition beside the present one. */
  begin(present: SupervisedTask, next: TaskServiceConfig, cause: Cause): Promise<Verdict>;
  /** Why the replacement of a task may not take over now; undefined where it may. */
  faultOf(id: string): string | undefined;
  /**
   * The replacement takes the place of the present run, which stops.
   *
   * @param settle - Puts it there.
   * @returns what is supervised from now on, and the triggers that its start has fired.
   */
  takeOver(
    present: SupervisedTask,
    next: TaskServiceConfig,
    cause: Cause,
    settle: (supervised: SupervisedTask) => void,
  ): Taken;
  /** The trial of this task, or of all, has failed. */
  giveUp(reason: string, cause: Cause, id?: string): void;
  /** One of them tells something that its transaction does not take for the task's own. */
  hear(supervised: SupervisedTask, event: TaskEvent): void;
  /** What is under way beside a task, in a clause; undefined where nothing is. */
  describe(id: string): string | undefined;
  readonly all: readonly SupervisedTask[];
}

export interface Taken {
  supervised: SupervisedTask;
  fired: readonly { event: TriggerEvent; run: number }[];
}

export interface ReplacementsOptions {
  /** Takes a definition under supervision, whose last run had this number. */
  supervise(task: TaskServiceConfig, runs: number): SupervisedTask;
  tell(supervised: SupervisedTask, word: TrialWord, reason?: string): void;
  /** What is under way beside this task has changed. */
  onChanged(id: string): void;
}

interface Trial {
  candidate: SupervisedTask;
  verdict: Deferred<Verdict>;
  isReady: boolean;
  fault: Verdict;
  fired: { event: TriggerEvent; run: number }[];
  timer: NodeJS.Timeout | undefined;
}

export function createReplacements({ supervise, tell, onChanged }: ReplacementsOptions): Replacements {
  const trials = new Map<string, Trial>();
  const leaving = new Set<SupervisedTask>();

  function fail(trial: Trial, reason: string, cause: Cause): void {
    if (trial.fault !== undefined) return;
    trial.fault = reason;
    clearTimeout(trial.timer);
    tell(trial.candidate, "given up", reason);
    trial.candidate.stop(cause);
    look(trial);
  }

  function look(trial: Trial): void {
    const { candidate, verdict } = trial;
    const { id, supervision } = candidate.task;
    const { standing } = candidate;
    if (trial.fault === undefined && standing.state === "running" && !trial.isReady) {
      trial.isReady = true;
      tell(candidate, "ready");
      trial.timer = setTimeout(() => verdict.resolve(undefined), supervision.minHealthyMs);
    }
    const { reason } = standing.life;
    if (trial.fault === undefined && (isAtRest(standing.state) || isEnding(standing.state) || reason !== undefined))
      return fail(trial, whyIn(standing) ?? reason ?? "it came to its end", COMMAND);
    // Nothing else may follow before its processes are gone.
    if (trial.fault !== undefined && (isAtRest(standing.state) || standing.state === "stuck")) {
      trials.delete(id);
      if (standing.state === "stuck") leaving.add(candidate);
      verdict.resolve(trial.fault);
    }
    onChanged(id);
  }

  function hearChange(supervised: SupervisedTask): void {
    const trial = trials.get(supervised.task.id);
    if (trial?.candidate === supervised) return look(trial);
    if (!leaving.has(supervised) || !isAtRest(supervised.standing.state)) return;
    leaving.delete(supervised);
    tell(supervised, "replaced run gone");
    onChanged(supervised.task.id);
  }

  return {
    begin(present, next, cause) {
      const once = { ...next, supervision: { ...next.supervision, restart: "never" as const } };
      const candidate = supervise(once, present.standing.life.run);
      const trial: Trial = {
        ...{ candidate, verdict: deferred<Verdict>(), isReady: false },
        ...{ fault: undefined, fired: [], timer: undefined },
      };
      trials.set(next.id, trial);
      candidate.obey({ task: once, action: "start", cause });
      tell(candidate, "begun");
      return trial.verdict.promise;
    },
    faultOf(id) {
      const { fault, candidate } = trials.get(id) ?? {};
      if (fault !== undefined || candidate?.standing.state === "running") return fault;
      return candidate === undefined ? "it is not there" : (whyIn(candidate.standing) ?? "it runs no more");
    },
    takeOver(present, next, cause, settle) {
      const { id } = next;
      const trial = trials.get(id);
      if (trial === undefined) throw new Error(`no replacement of ${id}`);
      trials.delete(id);
      clearTimeout(trial.timer);
      trial.candidate.redefine(next);
      settle(trial.candidate);
      if (hasProcess(present.standing.state)) leaving.add(present);
      present.stop(cause);
      tell(trial.candidate, "taken over");
      return { supervised: trial.candidate, fired: trial.fired };
    },
    giveUp(reason, cause, id) {
      for (const trial of [...trials.values()])
        if (id === undefined || trial.candidate.task.id === id) fail(trial, reason, cause);
    },
    hear(supervised, event) {
      if (event.type === "changed") hearChange(supervised);
      const trial = trials.get(supervised.task.id);
      if (event.type === "fired" && trial?.candidate === supervised && event.event === "on_start")
        trial.fired.push({ event: event.event, run: event.run });
    },
    describe(id) {
      const trial = trials.get(id)?.candidate;
      const left = [...leaving].find(({ task }) => task.id === id);
      const words = [
        ...(trial === undefined ? [] : [`${runOf(trial)} is on trial to replace it`]),
        ...(left === undefined ? [] : [`${runOf(left)}, which it has replaced, is ending`]),
      ];
      return words.length === 0 ? undefined : words.join("; ");
    },
    get all() {
      return [...[...trials.values()].map(({ candidate }) => candidate), ...leaving];
    },
  };
}

function runOf({ standing: { life } }: SupervisedTask): string {
  return life.pid === undefined ? `run ${life.run}` : `run ${life.run}, pid ${life.pid},`;
}
