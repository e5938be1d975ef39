// The JSON of the dashboard's API. Types only, since the page is built from them as well. Pure.
import type { Figures, History } from "../../history/figures.ts";
import type { BusFigures, QueueFigures } from "../../protocol/bus-figures.ts";
import type { Json } from "../../protocol/json.ts";
import type { StreamFigures } from "../../protocol/stream-figures.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import type { Transition } from "../../protocol/transition.ts";

export type { Figures, History, QueueFigures, Transition };

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
  /** When its schedule starts it next. */
  nextRun?: string;
  /** What its present run has counted of the queues that it sends to and consumes; absent where it has none. */
  streams?: readonly StreamFigures[];
}

export interface TransactionSnapshot {
  id: string;
  /** When it ended, where it is over. */
  endedAt?: string;
  /** It is over, and a command has asked for that. */
  isAskedToEnd?: boolean;
  tasks: readonly TaskSnapshot[];
}

/** A service sends something that another one takes. */
export interface Flow {
  kind: "event" | "call";
  /** Of the event, or `service.method`. */
  name: string;
  /** The names of the services. */
  from: string;
  to: string;
}

/** What is known of messages between services. */
export interface Messages extends Pick<BusFigures, "members" | "calls" | "queues"> {
  /** Why they don't get through; absent where they do. */
  trouble?: string;
  flows: readonly Flow[];
}

/** An event that its group has given up. */
export interface Letter {
  id: string;
  event: string;
  group: string;
  reason: string;
  attempts: number;
  /** Milliseconds of the epoch. */
  first_at: number;
  last_at: number;
  handler: string;
  error: { name: string; message: string; stack?: string };
}

/** `/api/dead-letter`: with what the event says, or why that can't be read. */
export type OpenedLetter = Letter & ({ payload: Json } | { unreadable: string });

/** The body of `POST /api/dead-letters`: gives events to their groups again, or forgets them. */
export interface LetterCommand {
  action: "replay" | "discard";
  ids: readonly string[];
}

/** Its answer: how many of them there were. */
export type LetterAnswer = { result: "success"; count: number } | Refusal;

/** `/api/state`. */
export interface State {
  context: string;
  name: string;
  version: string;
  /** Whether commands are accepted from a caller that has the token. */
  takesCommands: boolean;
  /** Whether `/api/history?since=…` reaches back further than the last hour. */
  keepsHistory: boolean;
  /** Whether what tasks print is kept in files, so that it can be searched and downloaded as a whole. */
  keepsLogs: boolean;
  definitions: readonly TaskDefinition[];
  /** Absent while nobody has needed a broker. */
  messages?: Messages;
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

/** `/api/logs/search`: the last lines of a task with a match, the oldest first. */
export interface FoundLines {
  lines: readonly OutputLine[];
  /** There are so many that the older ones are left out. */
  isMore: boolean;
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
  /** Once a second while a transaction runs, if it has changed. */
  messages: Messages;
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
