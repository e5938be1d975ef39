// What the dashboard needs of a provider, as interfaces: http does not import context, and tests need no provider. Pure.
import type { ContextConfig } from "../../config/context-config.ts";
import type { HistoryRecord } from "../../history/records.ts";
import type { LogRecord } from "../../logs/records.ts";
import type { BusState } from "../../protocol/bus-figures.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { StreamFigures } from "../../protocol/stream-figures.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import type {
  CommandAnswer,
  CommandRequest,
  Letter,
  LetterCommand,
  OpenedLetter,
  RunFacts,
  Transition,
  Triggered,
} from "./api.ts";

export interface Source {
  readonly config: ContextConfig;
  /** That of the file, or of the first start. */
  contextId(): string;
  /** The open transactions and their tasks. */
  transactions(): readonly { transaction: string; tasks: readonly ShownRecord[] }[];
  /** Those that are over, the oldest first, until another begins. Another array after every change. */
  ended(): readonly EndedTransaction[];
  /** Of the broker of messages; undefined while nobody has needed one. */
  bus(): BusState | undefined;
  /** How often each kind of unusable input came. */
  inputFaults(): { readonly [kind: string]: number };
  /** Gives the provider a command, as a client would; returns its answer. */
  command(request: CommandRequest): Promise<CommandAnswer>;
  readonly letters: DeadLetters;
}

/** The events that their groups have given up. */
export interface DeadLetters {
  /** None while nobody has needed a broker. */
  list(): Promise<readonly Letter[]>;
  open(id: string): Promise<OpenedLetter | undefined>;
  /** @returns How many there were. */
  command(command: LetterCommand): Promise<number>;
}

/** The last of a transaction that is over. */
export interface EndedTransaction {
  transaction: string;
  record: { tasks: readonly ShownRecord[]; ended?: string };
  /** A command has asked for its end. */
  isAsked: boolean;
}

/** What is shown of a task's record. */
export type ShownRecord = Pick<
  TaskRecord,
  "service_id" | "serviceName" | "instance" | "lifecycle" | "runs" | "pid" | "reason" | "next_run"
> & { streams?: readonly StreamFigures[] };

/** The history that a provider keeps, that of its predecessors included. */
export interface KeptHistory {
  /** All records since a time, in milliseconds since 1970, the oldest first. */
  since(sinceMs: number): AsyncIterable<HistoryRecord>;
}

/** What a provider keeps of what its tasks print, that of its predecessors included. */
export interface KeptLogs {
  /** Lines that could not be kept, since this provider began. */
  lost(): number;
  /** The records of a task of all transactions, as they are when this is called. */
  oldestFirst(task: string): AsyncIterable<LogRecord>;
  youngestFirst(task: string): AsyncIterable<LogRecord>;
}

/** What the dashboard is told as it happens. */
export type DashboardEvent =
  | { type: "moved"; transition: Transition<string> }
  | ({ type: "triggered" } & Triggered)
  | { type: "output"; transaction: string; task: string; stream: string; line: string }
  /** How the last process of a task has ended that an earlier provider has run. */
  | { type: "recalled"; transaction: string; task: string; run: number; lastEnd: NonNullable<RunFacts["lastEnd"]> }
  /** What is known of a transaction may have changed. */
  | { type: "changed" }
  /** The forwarder has been lost, or is back. */
  | { type: "forwarder"; isThere: boolean }
  /** The entries of `monitor` of a transaction. */
  | { type: "sampled"; transaction: string; entries: readonly Json[] }
  /** The body of `overview`. */
  | { type: "summed"; overview: JsonObject };
