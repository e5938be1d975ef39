// What a decision about a message looks at: the tasks of the provider's file, and those that it runs. Pure.
import type { Supervision, TaskServiceConfig } from "../../config/context-config.ts";
import type { TransactionView } from "../transaction/members.ts";

/** What the provider knows when a message comes. */
export interface View {
  /** Empty until the file or the first start has given it. */
  contextId: string;
  /** The tasks of the provider's own file. */
  ownTasks: readonly TaskServiceConfig[];
  /** How tasks are supervised that the provider's own file does not have. */
  supervision: Supervision;
  find(transaction: string): TransactionView | undefined;
  /** The transactions in which a task runs or is to run. */
  busy(): readonly string[];
  /** Whether it is over, and its last state still known. */
  hasEnded(transaction: string): boolean;
  /** Why there is no such transaction, in a clause: it never was, or it has ended. */
  whyUnknown(transaction: string): string;
  /** Whether the code of a task lies where this provider may load code from. */
  mayLoad(task: TaskServiceConfig): boolean;
}

/** The tasks of a transaction; undefined without one. */
export function tasksOf(known: TransactionView): TaskServiceConfig[];
export function tasksOf(known: TransactionView | undefined): TaskServiceConfig[] | undefined;
export function tasksOf(known: TransactionView | undefined): TaskServiceConfig[] | undefined {
  return known && [...known.values()].map(({ task }) => task);
}
