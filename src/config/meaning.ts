// What the words of a context mean, for the provider that runs it and the diagram that draws it. Pure.
import type { Supervision, TaskServiceConfig, Trigger } from "./model.ts";
import { withoutProcess } from "./supervision-reader.ts";

/** Whether a task runs when its context starts, rather than on demand or at its times. */
export function entersAtOnce({ entry, supervision: { schedule } }: TaskServiceConfig): boolean {
  return schedule === undefined && (entry === "on_start" || entry === "start_now");
}

/**
 * The ids that a trigger calls, each once. The context id stands for all tasks, as `all` does.
 *
 * @param allIds - In the order in which the tasks are to be called.
 */
export function idsCalled({ call }: Trigger, contextId: string, allIds: readonly string[]): string[] {
  const ids = call.flatMap((name) => (name === "all" || (name !== "" && name === contextId) ? allIds : [name]));
  return [...new Set(ids)];
}

/**
 * A task from a message, with the supervision that the provider's own file gives it: a sender has no say in how processes
 * are started and ended.
 *
 * @param own - The tasks of the provider's own file, and the supervision for all others.
 */
export function withOwnSupervision(
  task: TaskServiceConfig,
  own: { ownTasks: readonly TaskServiceConfig[]; supervision: Supervision },
): TaskServiceConfig {
  const supervision = own.ownTasks.find(({ id }) => id === task.id)?.supervision ?? own.supervision;
  return { ...task, supervision: task.serviceType === "Thread" ? withoutProcess(supervision) : supervision };
}
