// What the words of a context stand for, to whoever runs it and to whoever draws it. Pure.
import type { Supervision, TaskServiceConfig, Trigger } from "./model.ts";
import { ofNoProcess } from "./supervision-reader.ts";

/** Whether a task enters by itself when its context starts. */
export function entersAtOnce({ entry }: TaskServiceConfig): boolean {
  return entry === "on_start" || entry === "start_now";
}

/**
 * Whom a trigger calls, each once, however often it is named: the context id means everybody, as `all` does.
 *
 * @param everybody - Task ids, in the order they are to be called in.
 */
export function idsCalled({ call }: Trigger, contextId: string, everybody: readonly string[]): string[] {
  const ids = call.flatMap((name) => (name === "all" || (name !== "" && name === contextId) ? everybody : [name]));
  return [...new Set(ids)];
}

/**
 * A task that a message has brought, supervised as the provider's own file says: how processes are started and ended is
 * never the business of the sender.
 *
 * @param own - The tasks of the provider's own file, and its supervision for all others.
 */
export function withOwnSupervision(
  task: TaskServiceConfig,
  own: { ownTasks: readonly TaskServiceConfig[]; supervision: Supervision },
): TaskServiceConfig {
  const supervision = own.ownTasks.find(({ id }) => id === task.id)?.supervision ?? own.supervision;
  return { ...task, supervision: task.serviceType === "Thread" ? ofNoProcess(supervision) : supervision };
}
