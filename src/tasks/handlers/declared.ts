// What a task has declared, as the bus is told of it. Actions are methods of the service under a name of their own kind, and
// the functions `start`, `stop` and `stateUpdate` are actions as well. Only what an object has itself counts. Pure.
import type { CheckedAction, RequestScope, Streams, Task } from "../contract/task.ts";

/** The handlers that a task declares by name. */
export const HANDLER_KINDS = ["events", "methods", "actions"] as const;

/** Functions of a task that are actions as well, and the names of those. */
export const ACTION_OF_HOOK = { start: "Start", stop: "Stop", stateUpdate: "StateUpdate" } as const;
export type Hook = keyof typeof ACTION_OF_HOOK;

const PREFIX = "action:";

/** The method that carries an action. */
export function methodOf(action: string): string {
  return `${PREFIX}${action}`;
}

/** The action that a method carries; undefined for a method of the service's own. */
export function actionOf(method: string): string | undefined {
  return method.startsWith(PREFIX) ? method.slice(PREFIX.length) : undefined;
}

/** A name that starts with an underscore is for the service itself. */
export function isPrivate(action: string): boolean {
  return action.startsWith("_");
}

/** Whether a task has anything that arrives over the bus. */
export function hasHandlers(task: Task<unknown>): boolean {
  return [...HANDLER_KINDS, ...Object.keys(ACTION_OF_HOOK)].some((name) => Reflect.get(task, name) !== undefined);
}

/** The queues that a task consumes, by name. */
export function streamsOf<Configuration>(
  task: Task<Configuration>,
  configuration: Configuration,
): Streams<Configuration> {
  const { streams = {} } = task;
  return typeof streams === "function" ? streams(configuration) : streams;
}

/** The actions of a task, by name. */
export function actionsOf<Configuration>(task: Task<Configuration>): Map<string, CheckedAction<Configuration>> {
  const declared = Object.entries(task.actions ?? {}).map(([name, action]): Named<Configuration> => {
    if (typeof action !== "function") return [name, action];
    return [name, { handle: (message, scope) => action.call(task.actions, message, scope) }];
  });
  return new Map([...declared, ...hooksOf(task)]);
}

type Named<Configuration> = [string, CheckedAction<Configuration>];

function hooksOf<Configuration>(task: Task<Configuration>): Named<Configuration>[] {
  const { start, stop, stateUpdate } = ACTION_OF_HOOK;
  const hooks: [string, boolean, (message: never, scope: RequestScope<Configuration>) => unknown][] = [
    [start, task.start !== undefined, (_, scope) => task.start?.(scope)],
    [stop, task.stop !== undefined, (_, scope) => task.stop?.(scope)],
    [stateUpdate, task.stateUpdate !== undefined, (state, scope) => task.stateUpdate?.(state, scope)],
  ];
  return hooks.filter(([, isDeclared]) => isDeclared).map(([name, , handle]) => [name, { handle }]);
}
