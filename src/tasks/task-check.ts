// Checks at run time that a value is a task: services may be written in JavaScript, or with casts. Pure.
import type { Task } from "./define.ts";

/** Whether a value has all that a task needs to run. */
export function isTask(value: unknown): value is Task<unknown> {
  const { run, kind }: Partial<Record<string, unknown>> = Object(value);
  return typeof run === "function" && (kind === "single" || kind === "looped");
}

/** What is wrong with a value that is no task. */
export function describeTask(value: unknown): string {
  const { run, kind }: Partial<Record<string, unknown>> = Object(value);
  if (typeof run !== "function") return "a task without the function run";
  return `a task of the kind ${JSON.stringify(kind)}, where "single" or "looped" was expected`;
}
