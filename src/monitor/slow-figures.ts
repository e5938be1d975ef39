// Reads the figures that cost too much for every sample, for a few processes at a time: counters each 5 s, memory shares
// and sockets each 30 s.
import { MIB_BYTES } from "../units.ts";
import { parseContextSwitches, parseFileLimit, parseIo } from "./counters.ts";
import type { Tick } from "./due.ts";
import { type SlowFigures, type SlowReading, withoutUndefined } from "./figures.ts";
import { parseRollup } from "./memory.ts";
import type { StatReading } from "./proc.ts";
import type { ProcFiles } from "./proc-files.ts";
import { createReadingCache, type Identity } from "./reading-cache.ts";
import type { SocketReader } from "./socket-reader.ts";
import { summarize } from "./sockets.ts";

export interface SlowReader {
  /** Reads the processes that are due, and returns the latest figures of all. */
  read(members: readonly StatReading[], tick: Tick): Promise<ReadonlyMap<number, SlowReading>>;
  /** The latest figures of these, without reading any. */
  latest(members: readonly StatReading[], atMs: number): ReadonlyMap<number, SlowReading>;
  /** Reads what these processes share of their memory now; false when not all of it came in time. */
  renewMemory(members: readonly StatReading[], tick: Tick): Promise<boolean>;
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

/** How much the resident memory may grow before its shares are read anew: in MiB, or as a part of it if that is more. */
const GROWTH = { mib: 4, part: 0.1 };

export function createSlowReader({ files, sockets, isStill }: SlowSources): SlowReader {
  const counters = createReadingCache({ periodMs: COUNTERS_PERIOD_MS, read: verified(readCounters) });
  const memory = createReadingCache({ periodMs: SHARES_PERIOD_MS, read: verified(readMemory), isOutdated: hasGrown });
  const connections = createReadingCache({ periodMs: SHARES_PERIOD_MS, read: verified(readSockets) });
  const caches = [counters, memory, connections];

  // When the process is still there after the read, no other process can have been read under its pid.
  function verified(read: (process: Identity, atMs: number) => Promise<SlowReading>) {
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

  async function readMemory({ pid }: Identity): Promise<SlowReading> {
    return parseRollup((await files.slowRecord(`${pid}/smaps_rollup`)) ?? "") ?? {};
  }

  async function readSockets({ pid }: Identity, atMs: number): Promise<SlowFigures> {
    const held = await sockets.read(pid, atMs);
    return held === undefined ? {} : summarize(held.map(({ connection }) => connection));
  }

  function latest(members: readonly StatReading[], atMs: number): ReadonlyMap<number, SlowReading> {
    const find = (own: StatReading) => Object.assign({}, ...caches.map((cache) => cache.find(own, atMs)));
    return new Map(members.filter(isLiving).map((own) => [own.pid, find(own)]));
  }

  return {
    async read(members, tick) {
      const living = members.filter(isLiving);
      for (const cache of caches) await cache.refresh(living, tick);
      return latest(living, tick.atMs);
    },
    latest,
    renewMemory: (members, tick) => memory.renew(members.filter(isLiving), tick),
    forget(isGone) {
      for (const cache of caches) cache.forget(isGone);
    },
  };
}

// A dead process has no files and no memory; its last figures no longer hold.
function isLiving({ status }: StatReading): boolean {
  return status !== "zombie" && status !== "dead";
}

// What has come since the reading counts as the process's own, though it may be shared, as when a worker begins to use it.
function hasGrown({ rssBytes }: StatReading, { pss, counted_elsewhere = 0 }: SlowReading): boolean {
  if (pss === undefined) return false;
  const before = pss + counted_elsewhere;
  return rssBytes / MIB_BYTES - before > Math.max(GROWTH.mib, before * GROWTH.part);
}
