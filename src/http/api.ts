// The JSON of the dashboard's API. Types only, since the page is built from them as well. Pure.
import type { Figures, History } from "../history/figures.ts";
import type { TaskRecord } from "../protocol/task-record.ts";
import type { Transition } from "../protocol/transition.ts";

export type { Figures, History, Transition };

/** A task as its context file defines it. */
export interface TaskDefinition {
  id: string;
  instance: string;
  serviceName: string;
  description: string;
  serviceType: string;
  /** The command line of an `Executable`. */
  command?: string;
  /** It runs when the context starts, and does not wait for a trigger. */
  entersAtOnce: boolean;
  dependsOn: readonly string[];
  triggers: readonly TriggerDefinition[];
}

export interface TriggerDefinition {
  event: string;
  action: string;
  /** Task ids, each once; `all` and the context's own id stand for every task. */
  call: readonly string[];
  /** Whether it calls all tasks. */
  callsAll: boolean;
}

/** What transitions have told about the runs of a task. */
export interface RunFacts {
  /** When its latest run began. */
  startedAt?: string;
  /** How its last process ended. */
  lastEnd?: { time: string; code?: number | undefined; signal?: string | undefined };
  /** What was wrong with it, and is not mended before it runs again. */
  trouble?: string;
}

/** A task as it stands now: its record, without what commands and the task have said. */
export interface TaskSnapshot extends RunFacts, Pick<TaskRecord, "instance" | "serviceName" | "pid" | "runs"> {
  id: TaskRecord["service_id"];
  state: TaskRecord["lifecycle"];
  reason?: TaskRecord["reason"] | undefined;
}

export interface TransactionSnapshot {
  id: string;
  /** When it ended, where it is over. */
  endedAt?: string;
  /** It is over, and a command has asked for that. */
  isAskedToEnd?: boolean;
  tasks: readonly TaskSnapshot[];
}

/** `/api/state`. */
export interface State {
  context: string;
  name: string;
  version: string;
  /** Whether commands are accepted from a caller that has the token. */
  takesCommands: boolean;
  /** Whether `/api/history?since=…` reaches back further than the last hour. */
  keepsHistory: boolean;
  definitions: readonly TaskDefinition[];
  transactions: readonly TransactionSnapshot[];
  /** Those that are over, the oldest first: they are shown until another one begins. */
  ended: readonly TransactionSnapshot[];
}

/** A trigger has fired. */
export interface Triggered {
  transaction: string;
  task: string;
  event: string;
  action: string;
  call: readonly string[];
}

/** What the provider, its forwarder and its broker take, and the part of it for sampling. */
export interface Cost {
  /** Percent of one core since the last event. */
  cpuPercent: number;
  residentBytes: number;
  samplingPercent: number;
}

/** A line that a task has printed. */
export interface OutputLine {
  time: string;
  stream: string;
  line: string;
}

/** The events of `/api/events`, by name. `snapshot` comes first, and again after events were dropped. */
export interface Events {
  /** The transitions may be those of an earlier provider, and of a later version. */
  snapshot: { state: State; transitions: readonly Transition<string>[] };
  state: State["transactions"];
  /** Sent before `state`, when it has changed. */
  ended: State["ended"];
  transition: Transition;
  triggered: Triggered;
  figures: Figures;
  cost: Cost;
}

/** The events of `/api/output`. */
export interface OutputEvents {
  snapshot: readonly OutputLine[];
  line: OutputLine;
}

/**
 * The body of `POST /api/commands`. Without tasks all are meant. A start without a transaction begins one if no other has
 * a task that runs; with `new` it does so in any case.
 */
export interface CommandRequest {
  action: "start" | "stop" | "restart";
  transaction?: string | undefined;
  tasks?: readonly string[] | undefined;
  new?: boolean | undefined;
}

/** Its answer: the order that each task was given, or a refusal. */
export type CommandAnswer =
  | { result: "success"; transaction: string; orders: { readonly [task: string]: string } }
  | Refusal;

export interface Refusal {
  result: "failure";
  code: string;
  reason: string;
}
