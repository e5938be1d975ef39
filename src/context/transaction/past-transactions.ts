// How transactions that are over have ended: their last records until another begins, and a word about each for longer.
import type { TaskRecord, TransactionRecord } from "../../protocol/task-record.ts";
import { hasProcess } from "../../protocol/task-state.ts";
import { MAX_ENDED } from "../journal/recall.ts";
import type { SupervisedTask } from "../task/task-contract.ts";
import { describeOutcome, type Outcome, outcomeOf } from "./outcome.ts";
import type { Transaction } from "./transaction.ts";

/** The last of a transaction that is over: kept until another begins. */
export interface Ended {
  readonly transaction: string;
  /** With `ended`. */
  readonly record: TransactionRecord & { ended: string };
  /** A command has ended it: the sender of that knows what failed in it before. */
  readonly isAsked: boolean;
}

interface End {
  transaction: Pick<Transaction, "id" | "record" | "tasks">;
  /** When it was over, ISO 8601. */
  time: string;
  isAsked: boolean;
}

export interface PastTransactions {
  /** Those whose records are kept, the oldest first. Another array after every change. */
  shown(): readonly Ended[];
  /** A transaction begins. */
  another(id: string): void;
  add(end: End): Outcome;
  /** Adds what was over before all that is here. */
  recall(ends: readonly End[]): void;
  /** How it has ended, in a clause. */
  describe(id: string): string | undefined;
}

export function createPastTransactions(): PastTransactions {
  const outcomes = new Map<string, Outcome>();
  let shown: readonly Ended[] = [];

  function remember({ transaction }: End): Outcome {
    const outcome = outcomeOf(transaction);
    outcomes.set(outcome.transaction, outcome);
    const [oldest] = outcomes.keys();
    if (outcomes.size > MAX_ENDED && oldest !== undefined) outcomes.delete(oldest);
    return outcome;
  }

  return {
    shown: () => shown,
    another(id) {
      outcomes.delete(id);
      shown = [];
    },
    add(end) {
      shown = [...shown, lastOf(end)].slice(-MAX_ENDED);
      return remember(end);
    },
    recall(ends) {
      for (const end of ends) remember(end);
      shown = [...ends.map(lastOf), ...shown].slice(-MAX_ENDED);
    },
    describe(id) {
      const outcome = outcomes.get(id);
      return outcome && describeOutcome(outcome);
    },
  };
}

function lastOf({ transaction: { id, record, tasks }, time, isAsked }: End): Ended {
  return { transaction: id, record: { ...record, tasks: [...tasks].map(liveRecord), ended: time }, isAsked };
}

// The pid of a process that has ended may be another one's by now.
export function liveRecord({ record, standing }: SupervisedTask): TaskRecord {
  return hasProcess(standing.state) ? record : { ...record, pid: null };
}
