// What can be a task at all; users write JavaScript as well, and casts.
import type { Task } from "./define.ts";

/** Whether it has all that a task needs to run. */
export function isTask(value: unknown): value is Task<unknown> {
  const task = value as Task<unknown> | null | undefined;
  return typeof task?.run === "function" && (task.kind === "single" || task.kind === "looped");
}

/** What is wrong with something that is no task. */
export function describeTask(value: unknown): string {
  const { run, kind } = (value ?? {}) as Partial<Task<unknown>>;
  if (typeof run !== "function") return "a task without the function run";
  return `a task of the kind ${JSON.stringify(kind)}, where "single" or "looped" was expected`;
}
