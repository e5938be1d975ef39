// All that the code of a task service sees of zcontext: what it declares, and the scope it works in. Small on purpose and
// without dependencies, because it becomes part of every compiled service.

/** Any value that JSON has. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** Named values, such as those of an announcement. */
export type Items = { [key: string]: Json };

/** What a task works with. Each run of a task has its own. */
export interface TaskScope<Configuration> {
  /** The task's `<configuration>` in the context file. XML has no numbers: every leaf is text. */
  readonly configuration: Configuration;
  /** The id shared by all tasks that were started together. */
  readonly transaction: string;
  /** The task's id in the context file, such as `ts_100`. */
  readonly serviceId: string;
  /** The task's name in messages, such as `echo_action`. */
  readonly serviceName: string;
  /** The id of the context, such as `context001`. */
  readonly contextId: string;
  /** Aborted when the task is told to stop. Pass it to any function that takes an `AbortSignal`. */
  readonly signal: AbortSignal;
  /**
   * Announces progress, which fires on_update. Await it: it holds back a task that announces faster than the provider can
   * read.
   *
   * @param items - What the announcement says. Default: nothing.
   */
  update(items?: Items): Promise<void>;
  /**
   * Announces a failure, which fires on_fail once in a run. It does not end the run: the task goes on until it returns.
   *
   * @param reason - Why, in a few words.
   * @param items - What else the announcement says. Default: nothing.
   */
  fail(reason: string, items?: Items): Promise<void>;
  /**
   * Publishes a message of your own, for any program that subscribes to its topic.
   *
   * @param topic - One word, such as `temperature`.
   * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for a topic with white space or `@@@`.
   */
  publish(topic: string, content: Items): Promise<void>;
  /**
   * Calls the handler for each announcement of the transaction's tasks, including those of this task. Resolves once it
   * listens; earlier announcements are not repeated. What the handler throws is a failure of this task.
   */
  onControl(handler: (announcement: Announcement) => void): Promise<void>;
  /** Prints lines, which appear in the provider's terminal with the task's id. */
  readonly log: Log;
  /** Waits so many milliseconds. Rejects at once when the task is told to stop. */
  sleep(ms: number): Promise<void>;
}

/** What a task of the transaction has announced. */
export interface Announcement {
  /** `created`, `started`, `updated`, `failed`, `stopped`, or a word of the task's own. */
  action: string;
  /** The id of the task in the context file, such as `ts_100`. */
  serviceId: string;
  /** The name of the task in messages, such as `echo_action`. */
  serviceName: string;
  /** The items, beside `result` (`success` or `failure`) and `device_action`. */
  status: Items;
}

/** Prints lines without waiting. Each text is one line, or several with line breaks. */
export interface Log {
  /** Prints to stdout. */
  info(text: string): void;
  /** Prints to stderr. */
  warn(text: string): void;
  /** Prints to stderr. */
  error(text: string): void;
}

/** The part you write: what a service does. */
export interface Task<Configuration> {
  /** `single` runs once and ends; `looped` runs again and again until it is told to stop. */
  kind: "single" | "looped";
  /**
   * Does the work, or one round of it if the task is looped. What it throws is a failure, with the error's message as the
   * reason, and ends the task. A `single` task that returns has ended well, which fires on_exit.
   *
   * A looped task runs its next round at once: wait in it with `scope.sleep`.
   */
  run(scope: TaskScope<Configuration>): Promise<void> | void;
}

/** A task with its name and description. */
export interface Service {
  /** The service's name in messages. */
  name: string;
  /** What it does, for people. */
  description: string;
  // biome-ignore lint/suspicious/noExplicitAny: each task knows the shape of its own configuration.
  task: Task<any>;
}

/**
 * Declares a task.
 *
 * @example
 * export default defineTask<{ interval_s: string }>({
 *   kind: "looped",
 *   async run(scope) {
 *     await scope.update({ celsius: 21 });
 *     await scope.sleep(Number(scope.configuration.interval_s) * 1000);
 *   },
 * });
 *
 * @typeParam Configuration - The shape of its `<configuration>`.
 */
export function defineTask<Configuration = { [name: string]: unknown }>(
  task: Task<Configuration>,
): Task<Configuration> {
  return task;
}

/**
 * Declares a task service: the default export of `Service<Name>.ts`.
 *
 * @example
 * export default defineService({ name: "thermometer", description: "Reports the temperature", task });
 */
export function defineService(service: Service): Service {
  return service;
}
