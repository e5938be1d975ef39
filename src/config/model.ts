// What a context file says once it has been checked; everything behind `config` works on this and never on XML.

/** What follows when a task starts, updates, fails or exits: a verb and whom it is for. */
export interface Trigger {
  action: TriggerAction;
  /** Task ids, the context id or `all`, in the order of the file. */
  call: string[];
}

export const TRIGGER_EVENTS = ["on_start", "on_update", "on_fail", "on_exit"] as const;
export type TriggerEvent = (typeof TRIGGER_EVENTS)[number];

export const TRIGGER_ACTIONS = ["start", "stop", "restart", "exit"] as const;
export type TriggerAction = (typeof TRIGGER_ACTIONS)[number];

/** A value of a task's free-form `<configuration>`: XML has no numbers, so every leaf is text. */
export type ConfigurationValue = string | ConfigurationValue[] | { [name: string]: ConfigurationValue };

export interface TaskServiceConfig {
  /** Unique in its context, such as `ts_100`. */
  id: string;
  /** Folder and class name of the code: `services/<instance>/Service<instance>`. */
  instance: string;
  /** Topic of the commands to this task; `process` by convention. */
  topic: string;
  serviceType: ServiceType;
  serviceName: string;
  description: string;
  /** When it enters: `on_start` and `start_now` run at once, everything else on demand. */
  entry: string;
  configuration: { [name: string]: ConfigurationValue };
  triggers: Partial<Record<TriggerEvent, Trigger>>;
  /** What an `Executable` runs; the other types have none. */
  command?: Command;
}

/** A process of its own, a thread beside others, or any program. */
export const SERVICE_TYPES = ["Process", "Thread", "Executable"] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** A program and its arguments, as the operating system gets them; there is no shell. */
export interface Command {
  /** Looked for on the PATH, or, where it has a slash, from the folder of the context file. */
  program: string;
  words: string[];
  /** After this time it counts as started, unless it has announced that before. */
  readyAfterMs: number;
}

/** The two ends of a forwarder, named for what a peer does there; the XML's own names are crossed. */
export interface Endpoints {
  /** Senders connect here: BackendEndpoint, bound by FrontBind. */
  publish: string;
  /** Listeners connect here: FrontEndEndpoint, bound by BackendBind. */
  subscribe: string;
}

export interface ContextConfig {
  /** `ContextID`; empty where the file has none, as in the README era of the original. */
  contextId: string;
  /** `TaskLogName`. */
  logName: string;
  endpoints: Endpoints;
  binds: Endpoints;
  tasks: TaskServiceConfig[];
}
