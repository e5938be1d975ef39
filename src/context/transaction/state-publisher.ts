// When the state of transactions is published: at once as the answer to a command, and soon after every change,
// many changes at once if they come fast.
import type { JsonObject } from "../../protocol/json.ts";
import type { Message } from "../../protocol/message.ts";
import type { TaskRecord, TransactionRecord } from "../../protocol/task-record.ts";
import { type About, contextInfo } from "./report.ts";
import type { Transaction } from "./transaction.ts";

export interface StatePublisher {
  /** The answer to an accepted command. */
  answer(about: About, items: JsonObject): void;
  /** Something about this transaction has changed. */
  changed(transaction: string): void;
  /** Tells the last about a transaction now, before it is gone. */
  last(transaction: string): void;
  close(): void;
}

export interface StatePublisherOptions {
  contextId(): string;
  transactions: ReadonlyMap<string, Transaction>;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
}

/** At most one `context_info` about a transaction in this time, in milliseconds; the first goes out at once. */
const PERIOD_MS = 100;
/**
 * Records of more tasks than this don't fit one message comfortably. Then it holds its own transaction only, and news
 * leave out the last command of each task: hundreds of them are a megabyte or more, which would be written and sent ten
 * times a second while they start.
 */
const MAX_TASKS = 200;

export function createStatePublisher({ contextId, transactions, publish }: StatePublisherOptions): StatePublisher {
  /** By transaction: within its period, and whether something is left to tell at its end. */
  const periods = new Map<string, { timer: NodeJS.Timeout | undefined; isDirty: boolean }>();

  function tell(transaction: string, about: Partial<About> = {}, items: JsonObject = {}): void {
    const all = [...transactions.values()].map(({ id, record }) => ({ [id]: record }));
    const own = all.filter((entry) => Object.hasOwn(entry, transaction));
    const isSmall = all.flatMap((entry) => Object.values(entry).flatMap(({ tasks }) => tasks)).length <= MAX_TASKS;
    const whole = isSmall ? [all, own] : isAnswer(items) ? [own] : [];
    // What is too long for a frame is told shorter.
    for (const data of [...whole, own.map(withoutBodies)]) {
      if (publish(contextInfo({ contextId: contextId(), transaction, ...about }, data, items))) return;
    }
  }

  function open(transaction: string): void {
    const period = { timer: undefined as NodeJS.Timeout | undefined, isDirty: false };
    periods.set(transaction, period);
    // A microtask later, so that all that one event changes makes one message.
    queueMicrotask(() => {
      if (periods.get(transaction) !== period) return;
      tell(transaction);
      period.timer = setTimeout(() => {
        periods.delete(transaction);
        if (period.isDirty) open(transaction);
      }, PERIOD_MS);
      period.isDirty = false;
    });
  }

  function forget(transaction: string): void {
    clearTimeout(periods.get(transaction)?.timer);
    periods.delete(transaction);
  }

  return {
    answer: (about, items) => tell(about.transaction, about, items),
    changed(transaction) {
      const period = periods.get(transaction);
      if (period === undefined) open(transaction);
      else period.isDirty = true;
    },
    last(transaction) {
      forget(transaction);
      tell(transaction);
    },
    close() {
      for (const transaction of [...periods.keys()]) forget(transaction);
    },
  };
}

function isAnswer(items: JsonObject): boolean {
  return items.orders !== undefined;
}

function withoutBodies(entry: { [transaction: string]: TransactionRecord }): typeof entry {
  const shorten = ({ task: _, ...record }: TaskRecord): TaskRecord => record;
  return Object.fromEntries(
    Object.entries(entry).map(([id, record]) => [id, { ...record, tasks: record.tasks.map(shorten) }]),
  );
}
