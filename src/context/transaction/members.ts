// The tasks of one transaction: takes them under supervision, has them replaced by other runs and removes them, and knows
// which of them wait for which.
import type { TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import { deferred } from "../../deferred.ts";
import { hasProcess, isAtRest, isEnding, type TaskState } from "../../protocol/task-state.ts";
import type { Past } from "../task/life.ts";
import { supervise } from "../task/supervisor.ts";
import type { Cause, Change, SupervisedTask, TaskEvent, TaskHost } from "../task/task-contract.ts";
import { missingFor } from "./dependencies.ts";
import { createReplacements, type Replacements, type TrialWord } from "./replacements.ts";

/** The tasks of one transaction by id, in the order of the file. */
export type TransactionView = ReadonlyMap<string, TaskView>;

/** How a task stands when a command comes. */
export interface TaskView {
  task: TaskServiceConfig;
  state: TaskState;
  /** Its process lives, and is to end: a start waits for that. */
  isLeaving: boolean;
  /** Its code can't be run; it is started when that changes, unless it is stopped. */
  awaitsCode?: boolean;
}

export interface Members extends Pick<Replacements, "begin" | "faultOf" | "giveUp" | "describe"> {
  /** By id, in the order of the file. */
  readonly tasks: ReadonlyMap<string, SupervisedTask>;
  /** All that may have a process: the tasks, and what runs beside them. */
  readonly processes: readonly SupervisedTask[];
  /** The task of this id, taken under supervision if it is not yet. */
  adopt(task: TaskServiceConfig, past?: Past): SupervisedTask;
  states(): TransactionView;
  /** The same without those that are being removed, which nobody is to command any more. */
  view(): TransactionView;
  tellDependents(serviceId: string): void;
  /** These definitions hold from now on, for the tasks that are there. */
  redefine(tasks: readonly TaskServiceConfig[]): void;
  /** A replacement that was tried takes over; answers the triggers of its start. */
  takeOver(task: TaskServiceConfig, cause: Cause): readonly { event: TriggerEvent; run: number }[];
  /** They are forgotten as soon as they have ended, which somebody else sees to. */
  remove(ids: readonly string[]): Promise<void>;
  /** Forgets those that have ended. To be called when tasks have moved. */
  forgetRemoved(): void;
}

export interface MembersOptions {
  transaction: string;
  host: TaskHost;
  /** What a task tells. */
  hear(supervised: SupervisedTask, event: TaskEvent): void;
  /** What a run beside a task tells that is worth telling others. */
  hearBeside(
    supervised: SupervisedTask,
    event: Exclude<TaskEvent, { type: "fired" | "restartPlanned" | "changed" }>,
  ): void;
  onDefined(supervised: SupervisedTask): void;
  onReplaced(supervised: SupervisedTask, change: Change): void;
  onTrial(supervised: SupervisedTask, word: TrialWord, reason?: string): void;
  /** Something that the record of this task shows has changed, other than by itself. */
  onChanged(supervised: SupervisedTask): void;
}

export function createMembers(options: MembersOptions): Members {
  const { transaction, host, hear, hearBeside } = options;
  const tasks = new Map<string, SupervisedTask>();
  const removed = new Map<string, () => void>();
  const replacements = createReplacements({
    supervise: (task, runs) => superviseAs(task, { state: "stopped", runs, ends: [] }),
    tell: options.onTrial,
    onChanged(id) {
      const supervised = tasks.get(id);
      if (supervised !== undefined) options.onChanged(supervised);
    },
  });

  // What runs beside a task does not speak for it: its commands would be taken for the task's own.
  function superviseAs(task: TaskServiceConfig, past?: Past): SupervisedTask {
    const isItself = () => tasks.get(task.id) === supervised;
    const voice: TaskHost = {
      ...host,
      publish: (message) => !isItself() || host.publish(message),
      publishThrough: (message) => (isItself() ? host.publishThrough(message) : Promise.resolve()),
    };
    const supervised: SupervisedTask = supervise(task, { transaction, host: voice, observe: route }, past);
    return supervised;
  }

  function route(supervised: SupervisedTask, event: TaskEvent): void {
    if (tasks.get(supervised.task.id) === supervised) return hear(supervised, event);
    if (event.type === "changed" || event.type === "fired") return replacements.hear(supervised, event);
    if (event.type !== "restartPlanned") hearBeside(supervised, event);
  }

  function states(): TransactionView {
    return new Map([...tasks].map(([serviceId, supervised]) => [serviceId, viewOf(supervised)]));
  }

  function tellDependents(serviceId: string): void {
    for (const { task, waitFor } of tasks.values())
      if (task.supervision.dependsOn.includes(serviceId)) waitFor(missingFor(task, states()));
  }

  return {
    begin: replacements.begin,
    faultOf: replacements.faultOf,
    giveUp: replacements.giveUp,
    describe: replacements.describe,
    tasks,
    get processes() {
      return [...tasks.values(), ...replacements.all];
    },
    adopt(task, past) {
      removed.delete(task.id);
      const known = tasks.get(task.id);
      if (known !== undefined) return known;
      const supervised = superviseAs(task, past);
      tasks.set(task.id, supervised);
      options.onDefined(supervised);
      supervised.waitFor(missingFor(task, states()));
      // One that an earlier provider has left may count as ready for those that came before it.
      tellDependents(task.id);
      return supervised;
    },
    states,
    view: () => new Map([...states()].filter(([serviceId]) => !removed.has(serviceId))),
    tellDependents,
    redefine(definitions) {
      for (const task of definitions) tasks.get(task.id)?.redefine(task);
      for (const { id } of definitions) {
        const supervised = tasks.get(id);
        if (supervised === undefined) continue;
        supervised.waitFor(missingFor(supervised.task, states()));
        options.onChanged(supervised);
      }
    },
    takeOver(task, cause) {
      const present = tasks.get(task.id);
      if (present === undefined) return [];
      const from = present.standing.state;
      // From here on the present one is a run beside the task.
      const { supervised, fired } = replacements.takeOver(present, task, cause, (taken) => tasks.set(task.id, taken));
      options.onReplaced(supervised, { from, event: "replaced", cause, reasons: [] });
      return fired;
    },
    remove(ids) {
      const gone = ids
        .filter((id) => tasks.has(id))
        .map((id) => {
          const { promise, resolve } = deferred();
          removed.set(id, resolve);
          return promise;
        });
      return Promise.all(gone).then(() => {});
    },
    forgetRemoved() {
      for (const [id, resolve] of removed) {
        const supervised = tasks.get(id);
        const state = supervised?.standing.state;
        if (state !== undefined && !isAtRest(state) && state !== "stuck") continue;
        // One that can't be ended stays to be seen until it has gone.
        resolve();
        if (supervised === undefined || state === "stuck") continue;
        removed.delete(id);
        tasks.delete(id);
        options.onChanged(supervised);
      }
    },
  };
}

function viewOf({ task, standing: { state, life }, awaitsCode }: SupervisedTask): TaskView {
  return { task, state, isLeaving: isEnding(state) || (hasProcess(state) && life.requested), awaitsCode };
}
