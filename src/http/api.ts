// What the dashboard's server and its page tell each other, as JSON. Types only: the page is built from them as well.
// Pure.
import type { Figures, History } from "../history/figures.ts";
import type { Transition } from "../history/transition.ts";

export type { Figures, History, Transition };

/** A task as its context file has it. */
export interface TaskDefinition {
  id: string;
  instance: string;
  serviceName: string;
  description: string;
  serviceType: string;
  /** It runs when the context starts, and does not wait for a trigger. */
  entersAtOnce: boolean;
  dependsOn: readonly string[];
  triggers: readonly TriggerDefinition[];
}

export interface TriggerDefinition {
  event: string;
  action: string;
  /** Task ids, each once; of `all` and the context's own id there are as many as there are tasks. */
  call: readonly string[];
  /** Whether it calls everybody. */
  callsAll: boolean;
}

/** A task as it stands now. */
export interface TaskState {
  id: string;
  instance: string;
  serviceName: string;
  /** One of the states of the lifecycle. */
  state: string;
  pid: number | null;
  runs: number;
  /** Why it stands there, where that is not as it should be. */
  reason?: string | undefined;
}

export interface TransactionState {
  id: string;
  tasks: readonly TaskState[];
}

/** `/api/state`. */
export interface State {
  context: string;
  name: string;
  version: string;
  /** Whether commands are taken, from whoever has the token. */
  takesCommands: boolean;
  /** Whether `/api/history?since=…` reaches back further than the last hour. */
  keepsHistory: boolean;
  definitions: readonly TaskDefinition[];
  transactions: readonly TransactionState[];
}

/** A trigger has fired. */
export interface Triggered {
  transaction: string;
  task: string;
  event: string;
  action: string;
  call: readonly string[];
}

/** What all this takes: the provider with its forwarder, and how much of that is for looking at the processes. */
export interface Cost {
  /** Percent of one core since the last time. */
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

/** The events of `/api/events`, by name. `snapshot` comes first, and again when something had to be left out. */
export interface Events {
  snapshot: { state: State; transitions: readonly Transition[] };
  state: State["transactions"];
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

/** The body of `POST /api/commands`. Without tasks all are meant; a start without a transaction begins one. */
export interface CommandRequest {
  action: "start" | "stop" | "restart";
  transaction?: string;
  tasks?: readonly string[];
}

/** Its answer: what each task was told, or why not. */
export type CommandAnswer =
  | { result: "success"; transaction: string; orders: { readonly [task: string]: string } }
  | Refusal;

export interface Refusal {
  result: "failure";
  code: string;
  reason: string;
}
