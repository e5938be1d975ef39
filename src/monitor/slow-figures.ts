// Reads the figures that cost too much for every sample, for a few processes at a time: counters each 5 s, memory shares
// and sockets each 30 s.
import { parseContextSwitches, parseFileLimit, parseIo } from "./counters.ts";
import type { Tick } from "./due.ts";
import { type SlowFigures, withoutUndefined } from "./figures.ts";
import { parseRollup } from "./memory.ts";
import type { StatReading } from "./proc.ts";
import type { ProcFiles } from "./proc-files.ts";
import { createReadingCache, type Identity } from "./reading-cache.ts";
import type { SocketReader } from "./socket-reader.ts";
import { summarize } from "./sockets.ts";

export interface SlowReader {
  /** Reads the processes that are due, and returns the latest figures of all. */
  read(members: readonly StatReading[], tick: Tick): Promise<ReadonlyMap<number, SlowFigures>>;
  /** Drops the figures of processes that have gone. */
  forget(isGone: (pid: number) => boolean): void;
}

export interface SlowSources {
  files: ProcFiles;
  sockets: SocketReader;
  /** Whether the pid still belongs to this process. */
  isStill(process: Identity): boolean;
}

const COUNTERS_PERIOD_MS = 5_000;
const SHARES_PERIOD_MS = 30_000;

export function createSlowReader({ files, sockets, isStill }: SlowSources): SlowReader {
  const counters = createReadingCache({ periodMs: COUNTERS_PERIOD_MS, read: verified(readCounters) });
  const shares = createReadingCache({ periodMs: SHARES_PERIOD_MS, read: verified(readShares) });
  const caches = [counters, shares];

  // When the process is still there after the read, no other process can have been read under its pid.
  function verified(read: (process: Identity, atMs: number) => Promise<SlowFigures>) {
    return async (process: Identity, atMs: number) => {
      const figures = await read(process, atMs);
      return isStill(process) ? figures : undefined;
    };
  }

  async function readCounters({ pid }: Identity): Promise<SlowFigures> {
    return withoutUndefined({
      context_switches: parseContextSwitches(files.record(`${pid}/status`) ?? ""),
      io: parseIo(files.record(`${pid}/io`) ?? ""),
      fds: files.count(`${pid}/fd`),
      fds_limit: parseFileLimit(files.record(`${pid}/limits`) ?? ""),
    });
  }

  async function readShares({ pid }: Identity, atMs: number): Promise<SlowFigures> {
    const connections = await sockets.read(pid, atMs);
    return {
      ...parseRollup((await files.slowRecord(`${pid}/smaps_rollup`)) ?? ""),
      ...(connections && summarize(connections.map(({ connection }) => connection))),
    };
  }

  return {
    async read(members, tick) {
      // A dead process has no files and no memory; its last figures no longer hold.
      const living = members.filter(({ status }) => status !== "zombie" && status !== "dead");
      for (const cache of caches) await cache.refresh(living, tick);
      const find = (own: StatReading) => Object.assign({}, ...caches.map((cache) => cache.find(own, tick.atMs)));
      return new Map(living.map((own) => [own.pid, find(own)]));
    },
    forget(isGone) {
      for (const cache of caches) cache.forget(isGone);
    },
  };
}
