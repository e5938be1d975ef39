// Accounts for the CPU time of a transaction since it began. Processes come and go from sample to sample; what they have
// used still counts. Pure.
import type { CpuTimes, ProcessFigures } from "./figures.ts";

/** CPU time of a transaction since it began. */
export interface Used {
  /** Seconds, of every process that was in a sample. */
  cpu_s: number;
  /** Whether a process has ended meanwhile: what it used after its last sample is not counted. */
  approximate: boolean;
}

export interface Accounts {
  /** Adds a sample of the tasks of a transaction; returns what the transaction has used. */
  add(transaction: string, tasks: readonly (ProcessFigures & { pid: number })[]): Used;
  /** Drops the accounts of all other transactions. */
  keepOnly(transactions: ReadonlySet<string>): void;
}

interface Account {
  /** Seconds of each living process, by its pid and start. */
  living: ReadonlyMap<string, number>;
  /** The same of those that went last: a process that only could not be read comes back. */
  gone: ReadonlyMap<string, number>;
  goneSeconds: number;
  /** How many processes have gone. */
  lost: number;
}

/** How many of them are remembered, so that they are not counted twice when they come back. */
const MOST_GONE = 1_000;

const NONE: Account = { living: new Map(), gone: new Map(), goneSeconds: 0, lost: 0 };

export function createAccounts(): Accounts {
  const accounts = new Map<string, Account>();
  return {
    add(transaction, tasks) {
      const living = new Map(tasks.flatMap((task) => [task, ...(task.children ?? [])]).flatMap(secondsOf));
      const account = advanced(accounts.get(transaction) ?? NONE, living);
      accounts.set(transaction, account);
      const { goneSeconds, lost } = account;
      return { cpu_s: goneSeconds + total([...living.values()]), approximate: lost > 0 };
    },
    keepOnly(transactions) {
      for (const id of accounts.keys()) if (!transactions.has(id)) accounts.delete(id);
    },
  };
}

function advanced(before: Account, living: Account["living"]): Account {
  const left = [...before.living].filter(([identity]) => !living.has(identity));
  const back = [...before.gone].filter(([identity]) => living.has(identity));
  const stillGone = [...before.gone].filter(([identity]) => !living.has(identity));
  return {
    living,
    gone: new Map([...stillGone, ...left].slice(-MOST_GONE)),
    goneSeconds: before.goneSeconds + secondsIn(left) - secondsIn(back),
    lost: before.lost + left.length - back.length,
  };
}

function secondsIn(processes: readonly (readonly [string, number])[]): number {
  return total(processes.map(([, seconds]) => seconds));
}

/** What is counted of a process; without a process table there is neither start time nor CPU time. */
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
