// What handlers need of the task that they belong to. Types and a number. Pure.
import type { EventBus } from "../../messaging/index.ts";
import type { RequestScope, Task, TaskScope } from "../contract/task.ts";

/** What a handler's scope has that differs from the task's. */
export interface Handling {
  bus: EventBus;
  /** The name of the service that asks; empty for an event. */
  source: string;
  /** Called when it is first needed: most handlers need none. */
  signal(): AbortSignal;
}

export interface HandlerHost<Configuration> {
  task: Task<Configuration>;
  bus: EventBus;
  /** The task's own. */
  scope: TaskScope<Configuration>;
  /** Makes the scope of one handler. */
  scopeOf(handling: Handling): RequestScope<Configuration>;
}

/** The fault code of a service that can't start. */
export const START_FAULT = 90_000;
