import { totalmem, uptime } from "node:os";
import pidusage from "pidusage";
import { type DetailsWanted, type ProcessDetails, readDetails } from "./details.ts";
import { figuresOf, type Look, type Looks, type Machine, type ProcessFigures } from "./figures.ts";
import { type ProcessReading, parseAuxv, parseBootTime, parseUptime } from "./proc.ts";
import { createProcFiles, type ProcFiles } from "./proc-files.ts";
import { createDearReader } from "./slow-figures.ts";
import { createSocketReader } from "./socket-reader.ts";
import type { Identity } from "./tier.ts";
import { createTreeReader, type Trees } from "./tree-reader.ts";

// How long pidusage keeps a handle it is no longer asked for: a few periods of one second. Never 0, with which it
// loops for ever; nor is its clear() of use, which forgets the handles without closing them.
const HANDLE_MAX_AGE_MS = 5_000;

/** How long a look counts where no process table tells that its process is gone. */
const LOOK_MAX_AGE_MS = 60_000;

/** Figures by pid. Who was asked for and is not there either is `gone` or could not be read. */
export interface Sample extends Map<number, ProcessFigures> {
  readonly gone: ReadonlySet<number>;
}

/** Samples processes, and keeps what CPU figures need from one sample to the next. A provider needs one. */
export interface Sampler extends AsyncDisposable {
  /**
   * Samples all in one batch, by pid; a pid that has gone is not in the map. Never rejects. CPU counts from the look
   * before at the same process, so samples a few clock ticks (10 ms) apart give coarse figures. What is dear to read is
   * renewed for a few processes at a time, each 5 s or 30 s, and repeated meanwhile.
   */
  sample(pids: readonly number[]): Promise<Sample>;
  /** Reads what is read on request only. Undefined when the process is gone, or is another than was sampled last. */
  details(pid: number, wanted: DetailsWanted): Promise<ProcessDetails | undefined>;
}

export interface SamplerOptions {
  /** Where the process table is mounted; where there is none, only the figures of `Usage` are given. */
  procPath?: string;
  epochMs?: () => number;
  monotonicMs?: () => number;
}

/** Creates a sampler. It has no timer: its holder decides when to sample. */
export function createSampler({
  procPath = "/proc",
  epochMs = Date.now,
  monotonicMs = () => performance.now(),
}: SamplerOptions = {}): Sampler {
  const files = createProcFiles(procPath);
  const hasTable = files.has("");
  // Read once: a boot time asked for anew would move with the wall clock, and with it every `create_time`.
  const machine = readMachine(files, epochMs());
  const trees = createTreeReader(files, parseAuxv(files.bytes("self/auxv") ?? new Uint8Array()));
  const sockets = createSocketReader(files);
  const dearReader = createDearReader({ files, sockets, isStill });
  const before = new Map<number, Look>();
  let beforeMs: number | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function collect(pids: readonly number[]): Promise<Sample> {
    const atMs = monotonicMs();
    const found = await trees.read(pids, atMs);
    const readings = found === undefined ? await readUsage(pids) : found.members.values();
    const now: Looks = new Map([...readings].map((reading) => [reading.pid, { atMs, reading }]));
    const tick = { atMs, sinceMs: atMs - (beforeMs ?? atMs) };
    const dear = await dearReader.read([...(found?.members.values() ?? [])], tick);
    const figures = figuresOf(pids, { now, before, machine, uptimeMs: readUptimeMs(files), dear });
    keep(now, atMs, found);

    const batch = { elapsed: (monotonicMs() - atMs) / 1000, serviceId: "", timestamp: epochMs() / 1000 };
    const gone = new Set(pids.filter((pid) => !figures.has(pid) && !(hasTable && files.has(`${pid}`))));
    const stamped = [...figures].map(([pid, own]) => [pid, Object.assign(own, batch)] as const);
    return Object.assign(new Map<number, ProcessFigures>(stamped), { gone });
  }

  // Whoever was not asked for this time may be the next, as when each of two transactions is looked at by itself.
  function keep(now: Looks, atMs: number, found: Trees | undefined): void {
    const isOver = (pid: number, look: Look) =>
      found === undefined ? atMs - look.atMs >= LOOK_MAX_AGE_MS : !found.isListed(pid);
    for (const [pid, look] of before) if (isOver(pid, look)) before.delete(pid);
    for (const [pid, look] of now) before.set(pid, look);
    beforeMs = atMs;
    dearReader.forget((pid) => found !== undefined && !found.isListed(pid));
    sockets.forget(atMs);
  }

  function isStill({ pid, startMs }: Identity): boolean {
    return trees.find(pid)?.startMs === startMs;
  }

  return {
    // One after the other: of two first looks at the same pid pidusage would leave one handle open for ever.
    sample(pids) {
      const figures = Promise.allSettled([last]).then(() => collect(pids));
      last = figures;
      return figures;
    },
    async details(pid, wanted) {
      if (!hasTable) return {};
      const found = trees.find(pid);
      const sampledMs = before.get(pid)?.reading.startMs ?? found?.startMs;
      if (found === undefined || found.startMs !== sampledMs) return undefined;
      const details = await readDetails(pid, wanted, { files, sockets, atMs: monotonicMs() });
      return isStill(found) ? details : undefined;
    },
    // The handles are pidusage's, which closes them itself when they are past their age.
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

// For where there is no process table, or it can't be read now. The table tells all of this, and memory exactly, whereas
// pidusage reads the same file of each process by way of the thread pool: with both, 100 tasks cost half as much again
// (bench/watching.mjs). Of its answer we take the CPU time rather than `cpu`, which counts from anybody's last call in
// this process and knows a process by its pid alone.
async function readUsage(pids: readonly number[]): Promise<ProcessReading[]> {
  if (pids.length === 0) return [];
  // A missing pid is null or undefined, or a rejection when it was the only one. pidusage writes into its argument.
  const answers = await pidusage([...pids], { maxage: HANDLE_MAX_AGE_MS }).catch(() => ({}));
  return Object.values<pidusage.Status | null | undefined>(answers)
    .filter((answer) => answer != null)
    .map(({ pid, ppid, ctime, memory }) => ({ pid, ppid, cpuMs: ctime, rssBytes: memory }));
}
