// The model of a context file after all checks. Everything outside `config` works on this model and never on XML. Pure.
import type { Dialect } from "../protocol/bus-address.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import type { Schedule } from "./schedule.ts";

/** What follows when a task starts, updates, fails or exits: an action, and the tasks it is for. */
export interface Trigger {
  action: TriggerAction;
  /** Task ids, the context id or `all`, in the order of the file. */
  call: string[];
}

export const TRIGGER_EVENTS = ["on_start", "on_update", "on_fail", "on_exit"] as const;
export type TriggerEvent = (typeof TRIGGER_EVENTS)[number];

export const TRIGGER_ACTIONS = ["start", "stop", "restart", "exit"] as const;
export type TriggerAction = (typeof TRIGGER_ACTIONS)[number];

/** A value of a task's free-form `<configuration>`; every leaf is text, since XML has no numbers. */
export type ConfigurationValue = string | ConfigurationValue[] | { [name: string]: ConfigurationValue };

export interface TaskServiceConfig {
  /** Unique in its context, such as `ts_100`; of one of several instances `ts_100.1`. */
  id: string;
  /** Where the file has one TaskService for several tasks that are alike: its id, and which of them this is, from 1. */
  instanceOf?: { id: string; number: number };
  /** Folder and class name of the code: `services/<instance>/Service<instance>`. */
  instance: string;
  /** Topic of the commands to this task; `process` by convention. */
  topic: string;
  serviceType: ServiceType;
  serviceName: string;
  description: string;
  /** Whether the task runs when the context starts (`on_start`, `start_now`) or on demand (any other word). */
  entry: string;
  configuration: { [name: string]: ConfigurationValue };
  triggers: Partial<Record<TriggerEvent, Trigger>>;
  /** What an `Executable` runs; the other types have none. */
  command?: Command;
  /** The absolute path of its code, of a service from the hub; neither a file nor a message can say it. */
  module?: string;
  /** How its processes are started, watched, ended and started again. */
  supervision: Supervision;
}

export const RESTART_POLICIES = ["never", "on-failure", "always"] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

export const LIMIT_POLICIES = ["fail", "keep-trying"] as const;
export type LimitPolicy = (typeof LIMIT_POLICIES)[number];

/** Which tasks are restarted with one that ends unasked: none, those after it in the file, or all. */
export const STRATEGIES = ["one_for_one", "rest_for_one", "one_for_all"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** What a program reads from its standard input: nothing, or nothing yet, until the provider is gone. */
export const STDIN_KINDS = ["empty", "open"] as const;
export type StdinKind = (typeof STDIN_KINDS)[number];

/** What a `<Supervision>` says, defaults filled in; durations in milliseconds. */
export interface Supervision {
  /** After which unasked ends the task is restarted. */
  restart: RestartPolicy;
  /** Restart intensity: one more unasked end than this within the period, and the limit is reached. */
  maxRestarts: number;
  periodMs: number;
  /** The first and the longest wait before a restart. */
  backoffMinMs: number;
  backoffMaxMs: number;
  /** At the limit: fail, or keep trying at the longest wait. */
  onLimit: LimitPolicy;
  /** Exit codes that do not count as failure. */
  successCodes: readonly number[];
  /** Exit codes after which the task is not restarted. */
  noRestartCodes: readonly number[];
  /** The longest time from spawn to readiness; more is a failure. */
  readyTimeoutMs: number;
  /** Checks for readiness in place of the task's own announcement. */
  probe?: Probe;
  /** The interval of the task's heartbeats, 0 for none, and the silence after which it counts as unresponsive. */
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  /** From the request to stop to SIGKILL. */
  graceMs: number;
  stopSignal: StopSignal;
  /** Another definition replaces it while it runs: its process stops once the new one has been ready for a time. */
  rolling: boolean;
  /** How long that is. */
  minHealthyMs: number;
  /** Run in place of the stop signal, which follows when this fails, or when the task is still there after the time. */
  stopCommand?: ProbeProgram;
  /** By default half of `graceMs`. */
  stopCommandMs?: number;
  /** Shows that the task, which runs, is still of use. */
  liveness?: LivenessProbe;
  /** Its final end ends the context, with its exit code. */
  essential: boolean;
  /** Tasks that must be ready before this one starts, and that stop after it. */
  dependsOn: readonly string[];
  /** The times at which it is started; without, the context, a trigger or a command starts it. */
  schedule?: Schedule;
  /** Added to the scheduling priority, -20 to 19. */
  nice: number;
  /** The limit for the resident memory of the process and its descendants; above it the task has failed. */
  memoryMaxMib?: number;
  /** How many files each of its processes may have open. */
  filesMax?: number;
  /** Relative to the folder of the context file. By default programs run in that folder, and services where the provider runs. */
  workingFolder?: string;
  stdin: StdinKind;
  /** Files of `NAME=value` lines, relative to the folder of the context file, read before every spawn; later ones win. */
  envFiles: readonly string[];
  /** Folders that those files may lie in, besides the one of the context file; relative to it. */
  envRoots: readonly string[];
  /** Who its processes run as, by name or number; by default as the provider does. */
  user?: string;
  group?: string;
  /** Variables in addition to the provider's own and those of the files. */
  environment: Readonly<Record<string, string>>;
}

/** A program that is run to find something out, or to bring something about. */
export interface ProbeProgram {
  program: string;
  words: readonly string[];
}

/** What a probe checks. */
export type ProbeTarget =
  | ({ kind: "exec" } & ProbeProgram)
  | { kind: "tcp"; host: string; port: number }
  /** Ready when the answer's status is 200 to 399. */
  | { kind: "http"; url: string }
  /** Ready when the task prints a matching line. The pattern compiles without flags. */
  | { kind: "log"; pattern: string };

/** The pause between attempts, and the limit for one. */
export interface ProbeTiming {
  intervalMs: number;
  timeoutMs: number;
}

/** A check that is repeated until it succeeds. */
export type Probe = ProbeTiming & ProbeTarget;

/** The same while a task runs, and how many failures in a row end it. */
export interface LivenessTiming extends ProbeTiming {
  failures: number;
}

/** A check that is repeated as long as a task runs. */
export type LivenessProbe = LivenessTiming & Exclude<ProbeTarget, { kind: "log" }>;

/** A process of its own, a thread in a shared process, or any program. */
export const SERVICE_TYPES = ["Process", "Thread", "Executable"] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** A program and its arguments, as the operating system gets them; there is no shell. */
export interface Command {
  /** Searched on the PATH; with a slash in it, relative to the folder of the context file. */
  program: string;
  words: string[];
  /** After this time it counts as ready, unless it has announced that before. */
  readyAfterMs: number;
}

/** What an event survives: nothing, the death of any process, or a power cut. */
export const DURABILITIES = ["memory", "file", "sync"] as const;

/** What a `<Messaging>` says of the messages between services. */
export interface Messaging {
  durability: (typeof DURABILITIES)[number];
  /** Of a server in place of the context's own broker; without credentials. */
  url?: string;
  dialect?: Dialect;
  /** Where large bodies are kept that pass a server; without credentials. */
  claimStore?: string;
}

/** What a `<Logs>` says of the files that keep what tasks print. */
export interface Logs {
  /** A file that would become longer is rotated. */
  fileMib: number;
  /** How many files of a task are kept. */
  files: number;
  /** All files of the context together; 0 keeps none. */
  totalMib: number;
}

export interface ContextConfig {
  /** `ContextID`; empty where the file has none, as in the README era of the original. */
  contextId: string;
  /** `TaskLogName`. */
  logName: string;
  endpoints: Endpoints;
  binds: Endpoints;
  messaging: Messaging;
  logs: Logs;
  strategy: Strategy;
  /** Of the Context: applies to tasks that the file does not have, and is the basis for those of the file. */
  supervision: Supervision;
  tasks: TaskServiceConfig[];
}
