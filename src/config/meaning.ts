// What the words of a context stand for, to whoever runs it and to whoever draws it.
import type { TaskServiceConfig, Trigger } from "./model.ts";

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
