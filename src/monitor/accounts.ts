// What a transaction has used since it began, kept from sample to sample: the processes of a task come and go, and what
// they used counts on. Pure but for what it keeps.
import type { CpuTimes, ProcessFigures } from "./figures.ts";

/** CPU of a transaction since it began. */
export interface Used {
  /** Seconds of CPU, of every process that a sample has seen. */
  cpu_s: number;
  /** Whether a process has gone meanwhile: what it used after its last sample is not counted. */
  approximate: boolean;
}

export interface Accounts {
  /** What a transaction has used, with this sample of its tasks. */
  add(transaction: string, tasks: readonly (ProcessFigures & { pid: number })[]): Used;
  /** Drops those that are over. */
  keepOnly(transactions: ReadonlySet<string>): void;
}

interface Account {
  /** Seconds of each process that is there, by its pid and start. */
  living: ReadonlyMap<string, number>;
  goneSeconds: number;
  hasLost: boolean;
}

export function createAccounts(): Accounts {
  const accounts = new Map<string, Account>();
  return {
    add(transaction, tasks) {
      const before = accounts.get(transaction) ?? { living: new Map(), goneSeconds: 0, hasLost: false };
      const living = new Map(tasks.flatMap((task) => [task, ...(task.children ?? [])]).flatMap(secondsOf));
      const gone = [...before.living].filter(([identity]) => !living.has(identity));
      const goneSeconds = before.goneSeconds + total(gone.map(([, seconds]) => seconds));
      const hasLost = before.hasLost || gone.length > 0;
      accounts.set(transaction, { living, goneSeconds, hasLost });
      return { cpu_s: goneSeconds + total([...living.values()]), approximate: hasLost };
    },
    keepOnly(transactions) {
      for (const id of accounts.keys()) if (!transactions.has(id)) accounts.delete(id);
    },
  };
}

/** What is counted of a process; without a process table there is no start time, and no CPU time either. */
interface Counted {
  pid: number;
  create_time?: number;
  cpu_times?: CpuTimes;
}

function secondsOf({ pid, create_time: start, cpu_times: times }: Counted): [string, number][] {
  return start === undefined || times === undefined ? [] : [[`${pid} ${start}`, times.user + times.system]];
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
