// What the server knows of the provider it shows: one interface, so that it runs on any, and in a test on none.
// Pure.
import type { ContextConfig } from "../config/context-config.ts";
import type { HistoryRecord } from "../history/records.ts";
import type { Json, JsonObject } from "../protocol/json.ts";
import type { TaskRecord } from "../protocol/task-record.ts";
import type { CommandAnswer, CommandRequest, Transition, Triggered } from "./api.ts";

export interface Source {
  readonly config: ContextConfig;
  /** The file's, or the one that the first start has brought. */
  contextId(): string;
  /** The transactions that are open, and how their tasks stand. */
  transactions(): readonly { transaction: string; tasks: readonly ShownRecord[] }[];
  /** How often each kind of unusable input came. */
  inputFaults(): { readonly [kind: string]: number };
  /** Gives a command as the bus would, and answers what came of it. */
  command(request: CommandRequest): Promise<CommandAnswer>;
}

/** What is shown of a task's record. */
export type ShownRecord = Pick<
  TaskRecord,
  "service_id" | "serviceName" | "instance" | "lifecycle" | "runs" | "pid" | "reason"
>;

/** What was before, where that is kept. */
export interface Past {
  /** All that was kept since a time, in milliseconds since 1970, the oldest first. */
  since(sinceMs: number): AsyncIterable<HistoryRecord>;
}

/** What happens while we look on; each is told as soon as it has. */
export interface Happenings {
  moved(transition: Transition): void;
  triggered(triggered: Triggered): void;
  output(output: { transaction: string; task: string; stream: string; line: string }): void;
  /** What is known of a transaction may have changed. */
  changed(): void;
  /** The forwarder has been lost, or is back. */
  forwarder(isThere: boolean): void;
  /** The figures of a transaction, as they travel on the bus. */
  sampled(transaction: string, entries: readonly Json[]): void;
  /** The overview, as it travels on the bus. */
  summed(overview: JsonObject): void;
}
