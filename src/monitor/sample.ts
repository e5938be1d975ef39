// Samples processes in batches: reads the process table, or pidusage where there is none, keeps the previous reading of
// each process, and turns both into figures.
import { totalmem, uptime } from "node:os";
import pidusage from "pidusage";
import { type DetailsWanted, type ProcessDetails, readDetails } from "./details.ts";
import { figuresOf, type Machine, type ProcessFigures, type TimedReading, type TimedReadings } from "./figures.ts";
import { type ProcessReading, parseAuxv, parseBootTime, parseUptime } from "./proc.ts";
import { createProcFiles, type ProcFiles } from "./proc-files.ts";
import type { Identity } from "./reading-cache.ts";
import { createSlowReader } from "./slow-figures.ts";
import { createSocketReader } from "./socket-reader.ts";
import { createTreeReader, type Trees } from "./tree-reader.ts";

// How long pidusage keeps an unused handle: a few periods of one second. With 0 it would loop for ever, and its clear()
// forgets the handles without closing them.
const HANDLE_MAX_AGE_MS = 5_000;

/** How long a reading is kept where no process table says that its process has ended. */
const READING_MAX_AGE_MS = 60_000;

/** Figures by pid. A pid that was asked for and is not there has `gone`, or could not be read. */
export interface Sample extends Map<number, ProcessFigures> {
  readonly gone: ReadonlySet<number>;
  /** Those that seem to exceed their limit of memory, and could not be read as exactly as that takes. */
  readonly unsure: ReadonlySet<number>;
}

/** By pid, how much memory a process and its descendants may take, in MiB. */
export type MemoryLimits = ReadonlyMap<number, number>;

/** Samples processes, and keeps what CPU figures need from one sample to the next. One is enough for a provider. */
export interface Sampler extends AsyncDisposable {
  /**
   * Samples all pids in one batch; a pid that has gone is not in the map. Never rejects. CPU counts from the previous
   * reading of the process, so samples a few clock ticks (10 ms) apart give coarse figures. Slow figures are renewed for a
   * few processes at a time, each 5 s or 30 s, and repeated meanwhile. Where a tree seems to exceed its limit, what its
   * processes share is read anew.
   */
  sample(pids: readonly number[], limits?: MemoryLimits): Promise<Sample>;
  /**
   * Reads the lists of a `top` request, those of all pids from one reading of the socket tables. A process that has gone, or
   * is not the one that was sampled last, is not in the map.
   */
  details(pids: readonly number[], wanted: DetailsWanted): Promise<Map<number, ProcessDetails>>;
}

export interface SamplerOptions {
  /** Where the process table is mounted; without one only the figures of `Usage` are given. */
  procPath?: string;
  epochMs?: () => number;
  monotonicMs?: () => number;
}

/** Creates a sampler. It has no timer: the caller decides when to sample. */
export function createSampler({
  procPath = "/proc",
  epochMs = Date.now,
  monotonicMs = () => performance.now(),
}: SamplerOptions = {}): Sampler {
  const files = createProcFiles(procPath);
  const hasTable = files.has("");
  // Read once: the boot time moves with the wall clock, and every `create_time` would move with it.
  const machine = readMachine(files, epochMs());
  const trees = createTreeReader(files, parseAuxv(files.bytes("self/auxv") ?? new Uint8Array()));
  const sockets = createSocketReader(files);
  const slowReader = createSlowReader({ files, sockets, isStill });
  const before = new Map<number, TimedReading>();
  let beforeMs: number | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function collect(pids: readonly number[], limits: MemoryLimits): Promise<Sample> {
    const atMs = monotonicMs();
    const found = await trees.read(pids, atMs);
    const readings = found === undefined ? await readUsage(pids) : found.members.values();
    const now: TimedReadings = new Map([...readings].map((reading) => [reading.pid, { atMs, reading }]));
    const tick = { atMs, sinceMs: atMs - (beforeMs ?? atMs) };
    const members = [...(found?.members.values() ?? [])];
    const common = { now, before, machine, uptimeMs: readUptimeMs(files) };
    let figures = figuresOf(pids, { ...common, slow: await slowReader.read(members, tick) });
    // Exact figures are dear where much memory is shared: 0.6 ms for a Node process, 10 ms for each GiB that is mapped.
    const suspects = [...limits].filter(([pid, mib]) => (figures.get(pid)?.total?.memory ?? 0) > mib);
    const unsure = new Set<number>();
    for (const [pid] of suspects) {
      const tree = new Set([pid, ...(figures.get(pid)?.children ?? []).map((child) => child.pid)]);
      const isRead = await slowReader.renewMemory(
        members.filter((member) => tree.has(member.pid)),
        tick,
      );
      if (!isRead) unsure.add(pid);
    }
    if (suspects.length > 0) figures = figuresOf(pids, { ...common, slow: slowReader.latest(members, tick.atMs) });
    keep(now, atMs, found);

    const batch = { elapsed: (monotonicMs() - atMs) / 1000, serviceId: "", timestamp: epochMs() / 1000 };
    const gone = new Set(pids.filter((pid) => !figures.has(pid) && !(hasTable && files.has(`${pid}`))));
    const stamped = [...figures].map(([pid, own]) => [pid, Object.assign(own, batch)] as const);
    return Object.assign(new Map<number, ProcessFigures>(stamped), { gone, unsure });
  }

  // A process that was not asked for this time may be the next time, as when two transactions are sampled in turn.
  function keep(now: TimedReadings, atMs: number, found: Trees | undefined): void {
    const isOver = (pid: number, reading: TimedReading) =>
      found === undefined ? atMs - reading.atMs >= READING_MAX_AGE_MS : !found.isListed(pid);
    for (const [pid, reading] of before) if (isOver(pid, reading)) before.delete(pid);
    for (const [pid, reading] of now) before.set(pid, reading);
    beforeMs = atMs;
    slowReader.forget((pid) => found !== undefined && !found.isListed(pid));
    sockets.forget(atMs);
  }

  function isStill({ pid, startMs }: Identity): boolean {
    return trees.find(pid)?.startMs === startMs;
  }

  async function detailsOf(pid: number, wanted: DetailsWanted, atMs: number): Promise<ProcessDetails | undefined> {
    const found = trees.find(pid);
    const sampledMs = before.get(pid)?.reading.startMs ?? found?.startMs;
    if (found === undefined || found.startMs !== sampledMs) return undefined;
    const details = await readDetails(pid, wanted, { files, sockets, atMs });
    return isStill(found) ? details : undefined;
  }

  return {
    // One after the other: with two concurrent first readings of a pid, pidusage would leak one handle.
    sample(pids, limits = new Map()) {
      const figures = Promise.allSettled([last]).then(() => collect(pids, limits));
      last = figures;
      return figures;
    },
    async details(pids, wanted) {
      const atMs = monotonicMs();
      const found = new Map<number, ProcessDetails>();
      // One after the other: the memory maps of many processes at once would block the event loop.
      for (const pid of new Set(pids)) {
        const details = hasTable ? await detailsOf(pid, wanted, atMs) : {};
        if (details !== undefined) found.set(pid, details);
      }
      return found;
    },
    // pidusage closes its handles itself, once they have expired.
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([last]);
    },
  };
}

function readMachine(files: ProcFiles, nowEpochMs: number): Machine {
  const bootEpochSeconds = parseBootTime(files.record("stat") ?? "") ?? nowEpochMs / 1000 - uptime();
  return { memoryBytes: totalmem(), bootEpochSeconds };
}

function readUptimeMs(files: ProcFiles): number {
  return parseUptime(files.record("uptime") ?? "") ?? uptime() * 1000;
}

// Used where there is no process table, or it can't be read now. pidusage reads the same files as we do, through the thread
// pool, and estimates memory; using both costs 1.5 times as much for 100 tasks (bench/watching.mjs). Of its answer only the
// CPU time is used: `cpu` counts from the last call of any caller in this process, and identifies a process by its pid
// alone.
async function readUsage(pids: readonly number[]): Promise<ProcessReading[]> {
  if (pids.length === 0) return [];
  // A missing pid is null or undefined, or a rejection when it is the only one. pidusage modifies its argument.
  const answers = await pidusage([...pids], { maxage: HANDLE_MAX_AGE_MS }).catch(() => ({}));
  return Object.values<pidusage.Status | null | undefined>(answers)
    .filter((answer) => answer != null)
    .map(({ pid, ppid, ctime, memory }) => ({ pid, ppid, cpuMs: ctime, rssBytes: memory }));
}
