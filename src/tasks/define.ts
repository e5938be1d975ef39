// All that the code of a task service sees of zcontext: what it says about itself, and the scope it works in.
// Small on purpose and without dependencies, for it becomes part of every compiled service.

/** Anything JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Items = { [key: string]: Json };

/** What a task is given to work with, one for each run. */
export interface TaskScope<Configuration> {
  /** The `<configuration>` of the context file. XML has no numbers: every leaf is text. */
  readonly configuration: Configuration;
  /** Shared by all tasks that were started together. */
  readonly transaction: string;
  /** The task's own id, such as `ts_100`, and its service name. */
  readonly serviceId: string;
  readonly serviceName: string;
  readonly contextId: string;
  /** Aborted when the task is to stop; hand it to whatever takes an `AbortSignal`. */
  readonly signal: AbortSignal;
  /** Announces progress: `updated` with these items. Fires on_update. */
  update(items?: Items): Promise<void>;
  /** Announces that this run has failed, once per run; the task goes on until it returns. Fires on_fail. */
  fail(reason: string, items?: Items): Promise<void>;
  /** Publishes a message on a topic of your own. */
  publish(topic: string, content: Items): Promise<void>;
  /** Calls back for every announcement of this transaction's tasks, one's own included. */
  onControl(handler: (announcement: Announcement) => void): Promise<void>;
  /** Prints a line that the provider's terminal shows with the task's id. */
  readonly log: Log;
  /** Waits, in milliseconds; rejects at once when the task is to stop. */
  sleep(ms: number): Promise<void>;
}

/** What a task of the transaction has announced. */
export interface Announcement {
  /** `created`, `started`, `updated`, `failed`, `stopped`, or a word of the task's own. */
  action: string;
  serviceId: string;
  serviceName: string;
  /** `result`, `device_action` and the items. */
  status: Items;
}

export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** The part the user writes. */
export interface Task<Configuration> {
  /** `single` runs once and ends; `looped` runs again and again until it is stopped. */
  kind: "single" | "looped";
  /** One round of work. A throw is a failure with its message; the return of a single task is its natural end. */
  run(scope: TaskScope<Configuration>): Promise<void> | void;
}

/** A task under its name. */
export interface Service {
  name: string;
  description: string;
  // biome-ignore lint/suspicious/noExplicitAny: each task knows the shape of its own configuration.
  task: Task<any>;
}

/** Declares a task; `Configuration` is the shape of its `<configuration>`. */
export function defineTask<Configuration = { [name: string]: unknown }>(
  task: Task<Configuration>,
): Task<Configuration> {
  return task;
}

/** Declares a task service: the default export of `Service<Name>.ts`. */
export function defineService(service: Service): Service {
  return service;
}
