// Makes the scope that user code works in. What its functions do is up to the effects: in a task process they reach the
// provider and the other tasks, in a rehearsal they are recorded.
import { reasonOf } from "../errors.ts";
import type { EventBus } from "../messaging/index.ts";
import type { Frame } from "../protocol/codec.ts";
import type { StartData } from "../protocol/pipe.ts";
import type { Said, SaidLevel } from "../protocol/said.ts";
import type { OwnAnnouncement } from "./announcement.ts";
import type { Announcement, Items, Json, RequestScope, TaskScope } from "./contract/task.ts";
import { createActionSender, type SendingEffects } from "./handlers/action-call.ts";
import type { Handling } from "./handlers/handler-host.ts";
import { createLazyBus } from "./handlers/lazy-bus.ts";
import { type PropertyValue, propertyOf } from "./property.ts";

/** What the functions of a scope do. */
export interface ScopeEffects {
  /** Resolves when the task may go on; it is held back when it is far ahead of the provider. */
  announce(announcement: OwnAnnouncement): Promise<void>;
  publish(frame: Frame): void;
  /** Resolves when the handler gets all that is announced from now on. */
  listen(handler: (announcement: Announcement) => void): Promise<void>;
  print(stream: "stdout" | "stderr", text: string, said?: Said): void;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** The bus of this task, connected once. */
  openBus(): Promise<EventBus>;
  /** Has the provider carry out an action. Absent where there is none: the destination is a service like any other then. */
  orchestrate?(action: string): Promise<Json>;
}

/** The scope of the services that come with zcontext. */
export interface InnerScope<Configuration> extends TaskScope<Configuration> {
  readonly endpoints: StartData["endpoints"];
  readonly contextFolder: string;
  readonly stateFiles: StartData["stateFiles"];
}

/** What a scope says about its task. */
export type AboutTask<Configuration> = Pick<
  TaskScope<Configuration>,
  "configuration" | "transaction" | "serviceId" | "serviceName" | "contextId"
>;

/** Makes the scope of one run. */
export function createScope<Configuration>(
  about: AboutTask<Configuration>,
  effects: ScopeEffects,
  signal: AbortSignal,
): TaskScope<Configuration> {
  const { configuration, transaction, serviceId, serviceName, contextId } = about;

  function publish(topic: string, content: Items): void {
    const header = {
      action: "published",
      service_id: serviceId,
      service_name: serviceName,
      service_transaction: transaction,
    };
    effects.publish({ topic, body: { header, content } });
  }

  /** Prints a line in the form `[service] LEVEL: text`, and publishes what it says. */
  function report(level: Level, text: string, { code, description }: Details = {}): void {
    const what = code === undefined ? level : `${level} ${code}`;
    const more = description === undefined ? "" : ` (${description})`;
    effects.print(
      level === "DEBUG" || level === "TRACK" ? "stdout" : "stderr",
      `[${serviceName}] ${what}: ${text}${more}`,
      { level: LEVELS[level] },
    );
    const details = { ...(code !== undefined && { code }), ...(description !== undefined && { description }) };
    publish("log", { level: level.toLowerCase(), text, ...details });
  }

  function property(category: string, name: string): string | undefined;
  function property(category: string, name: string, fallback: string): string;
  function property(category: string, name: string, fallback: number): number;
  function property(category: string, name: string, fallback: boolean): boolean;
  function property(category: string, name: string, fallback?: PropertyValue): PropertyValue | undefined {
    return propertyOf(configuration, category, name, fallback);
  }

  return {
    configuration,
    property,
    transaction,
    serviceId,
    serviceName,
    contextId,
    signal,
    async update(items = {}) {
      await effects.announce({ action: "updated", result: "success", items });
    },
    async fail(reason, items = {}) {
      await effects.announce({ action: "failed", result: "failure", items: { ...items, reason } });
    },
    async publish(topic, content) {
      publish(topic, content);
    },
    onControl: (handler) => effects.listen(handler),
    log: {
      info: (text, fields) => effects.print("stdout", text, { level: "info", fields }),
      warn: (text, fields) => effects.print("stderr", text, { level: "warn", fields }),
      error: (text, fields) => effects.print("stderr", text, { level: "error", fields }),
    },
    sleep: (ms) => effects.sleep(ms, signal),
    bus: createLazyBus(effects.openBus, (error) => effects.print("stderr", `publish: ${reasonOf(error)}`)),
    ...createActionSender(effects.openBus, about, sendingBy(effects)),
    debug: (text) => report("DEBUG", text),
    warning: (text) => report("WARNING", text),
    throwError: (text, code, description) => report("ERROR", text, { code, description }),
    track: (message, description) => report("TRACK", message, { description }),
  };
}

/** The scope of one handler: it differs from the task's in bus and signal. */
export function createHandlerScope<Configuration>(
  scope: TaskScope<Configuration>,
  effects: ScopeEffects,
  { bus, source, signal }: Handling,
): RequestScope<Configuration> {
  return {
    ...scope,
    source,
    bus,
    get signal() {
      return signal();
    },
    sleep: (ms) => effects.sleep(ms, signal()),
    ...createActionSender(async () => bus, scope, sendingBy(effects)),
  };
}

function sendingBy({ print, orchestrate }: ScopeEffects): SendingEffects {
  return { warn: (line) => print("stderr", line), orchestrate };
}

type Level = keyof typeof LEVELS;

const LEVELS = { DEBUG: "debug", WARNING: "warn", ERROR: "error", TRACK: "info" } satisfies Record<string, SaidLevel>;

interface Details {
  code?: number | undefined;
  description?: string | undefined;
}
