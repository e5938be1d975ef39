// What is too dear for every sample: counters each 5 s, memory shares and sockets each 30 s, a few processes at a time.
import { parseContextSwitches, parseFileLimit, parseIo } from "./counters.ts";
import type { Tick } from "./due.ts";
import { type DearFigures, told } from "./figures.ts";
import { parseRollup } from "./memory.ts";
import type { StatReading } from "./proc.ts";
import type { ProcFiles } from "./proc-files.ts";
import type { SocketReader } from "./socket-reader.ts";
import { summarize } from "./sockets.ts";
import { createTier, type Identity } from "./tier.ts";

export interface DearReader {
  /** Reads those whose turn it is, and gives what is known of each. */
  read(members: readonly StatReading[], tick: Tick): Promise<ReadonlyMap<number, DearFigures>>;
  /** Drops what is known of those who are gone. */
  forget(isGone: (pid: number) => boolean): void;
}

export interface DearSources {
  files: ProcFiles;
  sockets: SocketReader;
  /** Whether a process is still the one it was. */
  isStill(process: Identity): boolean;
}

const COUNTERS_PERIOD_MS = 5_000;
const SHARES_PERIOD_MS = 30_000;

export function createDearReader({ files, sockets, isStill }: DearSources): DearReader {
  const counters = createTier({ periodMs: COUNTERS_PERIOD_MS, read: sameAllAlong(readCounters) });
  const shares = createTier({ periodMs: SHARES_PERIOD_MS, read: sameAllAlong(readShares) });
  const tiers = [counters, shares];

  // Whoever is found under the pid and start time afterwards was there before as well: no other was read in its place.
  function sameAllAlong(read: (process: Identity, atMs: number) => Promise<DearFigures>) {
    return async (process: Identity, atMs: number) => {
      const figures = await read(process, atMs);
      return isStill(process) ? figures : undefined;
    };
  }

  async function readCounters({ pid }: Identity): Promise<DearFigures> {
    return told({
      context_switches: parseContextSwitches(files.record(`${pid}/status`) ?? ""),
      io: parseIo(files.record(`${pid}/io`) ?? ""),
      fds: files.count(`${pid}/fd`),
      fds_limit: parseFileLimit(files.record(`${pid}/limits`) ?? ""),
    });
  }

  async function readShares({ pid }: Identity, atMs: number): Promise<DearFigures> {
    const connections = await sockets.read(pid, atMs);
    return {
      ...parseRollup((await files.slowRecord(`${pid}/smaps_rollup`)) ?? ""),
      ...(connections && summarize(connections.map(({ connection }) => connection))),
    };
  }

  return {
    async read(members, tick) {
      // The dead have no files and no memory; what they had is theirs no more.
      const living = members.filter(({ status }) => status !== "zombie" && status !== "dead");
      for (const tier of tiers) await tier.serve(living, tick);
      const find = (own: StatReading) => Object.assign({}, ...tiers.map((tier) => tier.find(own, tick.atMs)));
      return new Map(living.map((own) => [own.pid, find(own)]));
    },
    forget(isGone) {
      for (const tier of tiers) tier.forget(isGone);
    },
  };
}
