// What a transaction has used since it began, kept from sample to sample: the processes of a task come and go, and what
// they used counts on. Pure but for what it keeps. Pure.
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
  /** The same of those that have gone last, for one that only could not be read comes back. */
  gone: ReadonlyMap<string, number>;
  goneSeconds: number;
  /** How many have gone. */
  lost: number;
}

/** So many may be missing at once, and are not counted twice. */
const MOST_GONE = 1_000;

const NONE: Account = { living: new Map(), gone: new Map(), goneSeconds: 0, lost: 0 };

export function createAccounts(): Accounts {
  const accounts = new Map<string, Account>();
  return {
    add(transaction, tasks) {
      const living = new Map(tasks.flatMap((task) => [task, ...(task.children ?? [])]).flatMap(secondsOf));
      const account = goOn(accounts.get(transaction) ?? NONE, living);
      accounts.set(transaction, account);
      const { goneSeconds, lost } = account;
      return { cpu_s: goneSeconds + total([...living.values()]), approximate: lost > 0 };
    },
    keepOnly(transactions) {
      for (const id of accounts.keys()) if (!transactions.has(id)) accounts.delete(id);
    },
  };
}

function goOn(before: Account, living: Account["living"]): Account {
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
