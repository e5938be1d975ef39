// Checks at run time that a value is a task: services may be written in JavaScript, or with casts. Pure.
import type { Task } from "./contract/task.ts";
import { ACTION_OF_HOOK, actionOf, HANDLER_KINDS, type Hook } from "./handlers/declared.ts";

/** Whether a value has all that a task needs. */
export function isTask(value: unknown): value is Task<unknown> {
  return problemOf(value) === undefined;
}

/** What is wrong with a value that is no task. */
export function describeTask(value: unknown): string {
  return `a task ${problemOf(value)}`;
}

type Fields = Partial<Record<string, unknown>>;

const HOOKS = Object.keys(ACTION_OF_HOOK) as Hook[];

/** What a task declares by name. */
const NAMED = [...HANDLER_KINDS, "streams"] as const;

function problemOf(value: unknown): string | undefined {
  const task: Fields = Object(value);
  const { run, kind } = task;
  if (run === undefined && [...HOOKS, ...NAMED].every((name) => task[name] === undefined))
    return "without the function run and without handlers";
  if (run !== undefined && typeof run !== "function") return `whose run is no function but ${typeof run}`;
  if (run === undefined ? kind !== undefined : kind !== "single" && kind !== "looped")
    return `of the kind ${JSON.stringify(kind)}, where ${run === undefined ? "none, without run," : '"single" or "looped"'} was expected`;
  const hook = HOOKS.find((name) => task[name] !== undefined && typeof task[name] !== "function");
  if (hook !== undefined) return `whose ${hook} is no function but ${typeof task[hook]}`;
  return NAMED.map((name) => problemInHandlers(name, task[name])).find((problem) => problem !== undefined);
}

function problemInHandlers(kind: (typeof NAMED)[number], declared: unknown): string | undefined {
  if (declared === undefined || (kind === "streams" && typeof declared === "function")) return undefined;
  if (typeof declared !== "object" || declared === null)
    return `whose ${kind} are ${String(declared)}, where handlers by name were expected`;
  for (const [name, handler] of Object.entries(declared)) {
    const what = `whose ${kind} have ${JSON.stringify(name)}`;
    const hook = HOOKS.find((one) => ACTION_OF_HOOK[one] === name);
    if (kind === "actions" && hook !== undefined) return `${what}, which is the function ${hook} of the task itself`;
    if (kind === "methods" && actionOf(name) !== undefined) return `${what}, a name that is kept for actions`;
    if ((kind === "methods" || kind === "actions") && !/^[^\s\p{C}]{1,150}$/u.test(name))
      return `${what}, where one word was expected`;
    const isFunction = typeof handler === "function" && kind === "actions";
    if (!isFunction && typeof Object(handler).handle !== "function") return `${what} without the function handle`;
  }
  return undefined;
}
