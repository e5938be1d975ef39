// What a task service declares, and the scopes that its code works in. Types alone, because they become part of every
// compiled service. Pure.

import type { AnySchema, EventBus, ReceivedEvent, RetryPolicy } from "../../messaging/index.ts";
import type { About } from "../../streams/index.ts";

/** Any value that JSON has. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** Named values, such as those of an announcement. */
export type Items = { [key: string]: Json };

/** The verbs that a service has on the bus. `EventBus` of `zcontext/messaging` describes each. */
export type Bus = Pick<EventBus, "emit" | "listen" | "events" | "publish" | "subscribe" | "call" | "serve">;

/** What a task works with. Each run of a task has its own. */
export interface TaskScope<Configuration> {
  /** The task's `<configuration>` in the context file. XML has no numbers: every leaf is text. */
  readonly configuration: Configuration;
  /**
   * A property of the configuration, `<category><name>text</name></category>`: a number or a boolean where the fallback is
   * one.
   *
   * @param fallback - What holds where it is missing, or is nothing of the kind. Default: undefined.
   */
  property(category: string, name: string): string | undefined;
  property(category: string, name: string, fallback: string): string;
  property(category: string, name: string, fallback: number): number;
  property(category: string, name: string, fallback: boolean): boolean;
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
  /** Waits so many milliseconds. Rejects at once when the signal of this scope is aborted. */
  sleep(ms: number): Promise<void>;
  /**
   * Talks with other services. It connects when it is first used. The bus of a handler's scope keeps the deadline, the
   * session and the trace of what is handled.
   */
  readonly bus: Bus;
  /**
   * Runs an action of another service, and does not wait for its end. A service that is restarting is waited for, 30 s.
   *
   * @param destination - The name of a service, or the id of a task of this transaction; `*` is every service that has the
   *   action, this one included.
   * @param message - Any JSON. Default: null.
   * @returns The number of services that took it. It never rejects: where it is 0, a line of the log says why.
   */
  submitAction(destination: string, action: string, message?: unknown): Promise<{ delivered: number }>;
  /**
   * Runs an action of another service, and resolves with what it returns.
   *
   * @param destination - As for `submitAction`, without `*`.
   * @param options.timeoutMs - Default 10_000, or what is left of the deadline of what is being handled.
   * @throws {CallError} With the code of the action, or `ERR_SERVICE_UNKNOWN`, `ERR_ACTION_UNKNOWN`, `ERR_SERVICE_LOST`,
   *   `ERR_CALL_TIMEOUT`.
   */
  ask<Answer = Json>(
    destination: string,
    action: string,
    message?: unknown,
    options?: { timeoutMs?: number },
  ): Promise<Answer>;
  /**
   * Has the service `com`, which talks with the world outside, do its action `Process`, and resolves once that is done: a
   * reading is on the disk then. See docs/node.md.
   *
   * @returns Whether it was done, as 1 or 0. It never rejects: where it is 0, a line of the log says why.
   */
  submitMessage(message: unknown): Promise<{ delivered: number }>;
  /** Prints `[service] DEBUG: text`, and publishes it on the topic `log`, as the next three do. */
  debug(text: string): void;
  /** Prints `[service] WARNING: text`. */
  warning(text: string): void;
  /**
   * Prints `[service] ERROR code: text`. It reports, and throws nothing.
   *
   * @param code - Of the fault. Default: none.
   * @param description - What else is to be said. Default: nothing.
   */
  throwError(text: string, code?: number, description?: string): void;
  /** Prints `[service] TRACK: message`: a step of something that is followed. */
  track(message: string, description?: string): void;
}

/** What a method or an action works with. Its signal aborts when the caller no longer waits. */
export interface RequestScope<Configuration> extends TaskScope<Configuration> {
  /** The name of the service that asks. */
  readonly source: string;
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

/**
 * Prints lines without waiting. Each text is one line, or several with line breaks. The logs of the context keep the level
 * and the fields, which are any JSON of up to 16 KiB, such as `{ order: 7 }`.
 */
export interface Log {
  /** Prints to stdout. */
  info(text: string, fields?: Items): void;
  /** Prints to stderr. */
  warn(text: string, fields?: Items): void;
  /** Prints to stderr. */
  error(text: string, fields?: Items): void;
}

/** The part you write: what a service does. It has `run`, or handlers, or both. */
export type Task<Configuration> = Handlers<Configuration> & (Running<Configuration> | { kind?: never; run?: never });

/** What a service does by itself. One without lives until it is stopped. */
export interface Running<Configuration> {
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

/** What a service does when it is asked or told. It is announced as started once all of it is in force. */
export interface Handlers<Configuration> {
  /** The group that shares the events. Default: the service's name. */
  group?: string;
  /** What it listens to, by name: `domain.type`. */
  events?: { [event: string]: EventHandler<Configuration> };
  /** What others may call as `service.method`. */
  methods?: { [method: string]: MethodHandler<Configuration> };
  /** What others may submit or ask for. */
  actions?: { [action: string]: ActionHandler<Configuration> };
  /** The queues that it consumes, by name, or what makes them of its configuration. See docs/streams.md. */
  streams?: Streams<Configuration> | StreamsFunction<Configuration>;
  /** What the events that it emits look like, by name. Its own `events` are checked as well. */
  emits?: { [event: string]: EventSchemata };
  /**
   * Runs before anything arrives, and as the action `Start`. What it throws is a failure to start, reported with fault
   * code 90000.
   */
  start?(scope: TaskScope<Configuration>): unknown;
  /** Runs once nothing arrives any more, within a quarter of the grace period, and as the action `Stop`. */
  stop?(scope: TaskScope<Configuration>): unknown;
  /** Runs as the action `StateUpdate`, which tells all services of a new state. */
  stateUpdate?(state: Json, scope: RequestScope<Configuration>): unknown;
}

/** An event that does not fit is neither emitted nor given to a handler. */
export interface EventSchemata {
  content?: AnySchema;
  context?: AnySchema;
}

export interface EventHandler<Configuration> extends EventSchemata {
  /** The most events that this service handles at a time. Default 16. */
  prefetch?: number;
  retry?: Partial<RetryPolicy>;
  /** Return is ack, throw is retry; the event's own functions say it explicitly. */
  // biome-ignore lint/suspicious/noExplicitAny: each handler knows the shape of its events.
  handle(event: ReceivedEvent<any, any>, scope: TaskScope<Configuration>): unknown;
}

export interface Streams<Configuration> {
  [queue: string]: StreamHandler<Configuration>;
}

// Declared as a method, so that a task of one configuration is not taken for a task of another.
type StreamsFunction<Configuration> = {
  call(configuration: Configuration): Streams<Configuration>;
}["call"];

export interface StreamHandler<Configuration> {
  /** Such as `HTTPHandler`. Default: `<protocol>` in the configuration. */
  protocol?: string;
  /** Of the consumer, such as `concurrency`. The port of HTTP is `<http_port>` in the configuration, where that is there. */
  options?: object;
  /** How the handler is called, such as `{ method: "GET" }` for HTTP. */
  consuming?: object;
  /** Return takes the message off its queue; what a throw means depends on the protocol. */
  // biome-ignore lint/suspicious/noExplicitAny: each handler knows the shape of its messages.
  handle(message: any, scope: TaskScope<Configuration>, about: About): unknown;
}

export interface MethodHandler<Configuration> {
  /** Parameters that do not fit are refused with `ERR_PARAMS_INVALID`. */
  params?: AnySchema;
  /** Its return is the answer, its throw the caller's error. */
  // biome-ignore lint/suspicious/noExplicitAny: each method knows the shape of its parameters.
  handle(params: any, scope: RequestScope<Configuration>): unknown;
}

/** An action, or one with a schema of its message. */
export type ActionHandler<Configuration> = ActionFunction<Configuration> | CheckedAction<Configuration>;

// Declared as a method, so that an action may name the shape of its message.
export type ActionFunction<Configuration> = {
  call(message: unknown, scope: RequestScope<Configuration>): unknown;
}["call"];

export interface CheckedAction<Configuration> {
  /** A message that does not fit is refused with `ERR_PARAMS_INVALID`. */
  message?: AnySchema;
  // biome-ignore lint/suspicious/noExplicitAny: each action knows the shape of its message.
  handle(message: any, scope: RequestScope<Configuration>): unknown;
}
