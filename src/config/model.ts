// What a context file says once it has been checked; everything behind `config` works on this and never on XML.
// Pure.
import type { Endpoints } from "../protocol/endpoints.ts";

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
  /** How its processes are started, watched, ended and started again. */
  supervision: Supervision;
}

export const RESTART_POLICIES = ["never", "on-failure", "always"] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

export const LIMIT_POLICIES = ["fail", "keep-trying"] as const;
export type LimitPolicy = (typeof LIMIT_POLICIES)[number];

/** Who is restarted with a task that ends unasked: nobody, those after it in the file, or all. */
export const STRATEGIES = ["one_for_one", "rest_for_one", "one_for_all"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** What a `<Supervision>` says, defaults filled in; durations in milliseconds. */
export interface Supervision {
  /** What follows an end that nobody asked for. */
  restart: RestartPolicy;
  /** Restart intensity: one unexpected end more than this within the period is the last. */
  maxRestarts: number;
  periodMs: number;
  /** The first and the longest wait before a restart. */
  backoffMinMs: number;
  backoffMaxMs: number;
  /** At the limit: `failed`, or further tries at the longest wait. */
  onLimit: LimitPolicy;
  /** Exit codes that are no failure. */
  successCodes: readonly number[];
  /** Exit codes that no restart follows. */
  noRestartCodes: readonly number[];
  /** From the spawn to running; longer is a failure. */
  readyTimeoutMs: number;
  /** What says that the task is ready, in place of the task itself. */
  probe?: Probe;
  /** Beat of the task's own event loop, and the silence that counts as unresponsive; 0 for no beat. */
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  /** From the request to stop to SIGKILL. */
  graceMs: number;
  stopSignal: StopSignal;
  /** Its end for good ends the context, with its exit code. */
  essential: boolean;
  /** Tasks that must be ready first, and are stopped after this one. */
  dependsOn: readonly string[];
  /** Added to the scheduling priority, -20 to 19. */
  nice: number;
  /** Resident memory of the process and its descendants above which the task has failed. */
  memoryMaxMib?: number;
  /** Open files that each of its processes may have. */
  filesMax?: number;
  /** Where it runs, from the folder of the context file. By default programs run there, and services where the provider does. */
  workingFolder?: string;
  /** Files of `NAME=value` lines, from the folder of the context file, read before every spawn; a later one wins. */
  envFiles: readonly string[];
  /** Variables in addition to the provider's own and those of the files. */
  environment: Readonly<Record<string, string>>;
}

/** What is asked whether the task is ready. */
export type ProbeTarget =
  | { kind: "exec"; program: string; words: readonly string[] }
  | { kind: "tcp"; host: string; port: number }
  /** Ready when the answer's status is 200 to 399. */
  | { kind: "http"; url: string }
  /** Ready when a line that it prints matches; never asked, only awaited. The pattern compiles without flags. */
  | { kind: "log"; pattern: string };

/** Pause between attempts, and how long one may take. */
export interface ProbePace {
  intervalMs: number;
  timeoutMs: number;
}

/** Asked again and again until it succeeds. */
export type Probe = ProbePace & ProbeTarget;

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

export interface ContextConfig {
  /** `ContextID`; empty where the file has none, as in the README era of the original. */
  contextId: string;
  /** `TaskLogName`. */
  logName: string;
  endpoints: Endpoints;
  binds: Endpoints;
  strategy: Strategy;
  /** For tasks that the file does not have, and what those of the file start from. */
  supervision: Supervision;
  tasks: TaskServiceConfig[];
}
