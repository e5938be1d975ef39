// A model of a machine: processes that obey signals or don't, a table that shows them, and a clock that advances during
// pauses.
import type { Cookie } from "../../../src/processes/cookie.ts";
import { isLiving, type ProcessEntry } from "../../../src/processes/stat.ts";
import type { ProcessAccess } from "../../../src/processes/termination.ts";

/** What a process does when it is signalled. Without an answer to a signal it ends. */
export interface Nature {
  ignores?: NodeJS.Signals[];
  /** It belongs to another user. */
  refuses?: boolean;
  /** Comes when it has ended. */
  onEnd?: () => void;
}

export interface Sent {
  pid: number;
  signal: NodeJS.Signals;
  atMs: number;
}

export interface Machine {
  access: Required<ProcessAccess>;
  /** Everything that was sent and has reached a process, or was refused. */
  readonly sent: readonly Sent[];
  living(): number[];
  start(entry: ProcessEntry, nature?: Nature): void;
  end(pid: number): void;
  /** Has something happen when the clock gets there. */
  at(ms: number, happens: () => void): void;
  nowMs(): number;
}

export const OURS: Cookie = { context: "c1", provider: "p2", run: "r1" };

/** A process of no importance, started 100 ticks after the boot by init. */
export function processEntry({ pid, ...rest }: Partial<ProcessEntry> & { pid: number }): ProcessEntry {
  return { pid, ppid: 1, group: pid, session: pid, state: "S", startTicks: 100, name: `p${pid}`, ...rest };
}

export function createMachine(...entries: ProcessEntry[]): Machine {
  const processes = new Map<number, { entry: ProcessEntry; nature: Nature }>();
  const sent: Sent[] = [];
  let events: { atMs: number; happens: () => void }[] = [];
  let now = 0;
  for (const entry of entries) start(entry);

  function start(entry: ProcessEntry, nature: Nature = {}): void {
    processes.set(entry.pid, { entry, nature });
  }

  function end(pid: number): void {
    const process = processes.get(pid);
    processes.delete(pid);
    for (const { entry } of processes.values()) if (entry.ppid === pid) entry.ppid = 1;
    process?.nature.onEnd?.();
  }

  function advance(ms: number): void {
    const untilMs = now + ms;
    for (let due = nextDue(untilMs); due !== undefined; due = nextDue(untilMs)) {
      const { atMs, happens } = due;
      events = events.filter((event) => event !== due);
      now = Math.max(now, atMs);
      happens();
    }
    now = untilMs;
  }

  function nextDue(untilMs: number) {
    return events.filter(({ atMs }) => atMs <= untilMs).sort((one, other) => one.atMs - other.atMs)[0];
  }

  function signal(pid: number, name: NodeJS.Signals): void {
    const process = processes.get(pid);
    if (process === undefined) throw Object.assign(new Error("no such process"), { code: "ESRCH" });
    sent.push({ pid, signal: name, atMs: now });
    if (process.nature.refuses) throw Object.assign(new Error("not permitted"), { code: "EPERM" });
    if (!process.nature.ignores?.includes(name)) end(pid);
  }

  return {
    access: {
      table: {
        isAvailable: true,
        read: async () => [...processes.values()].map(({ entry }) => ({ ...entry })),
        find: (pid) => processes.get(pid)?.entry,
      },
      signal,
      nowMs: () => now,
      pause: async (ms) => advance(ms),
    },
    sent,
    living: () => [...processes.values()].flatMap(({ entry }) => (isLiving(entry) ? [entry.pid] : [])),
    start,
    end,
    at: (ms, happens) => void events.push({ atMs: ms, happens }),
    nowMs: () => now,
  };
}
