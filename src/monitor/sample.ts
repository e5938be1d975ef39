import { readdirSync, readFileSync } from "node:fs";
import { totalmem, uptime } from "node:os";
import { join } from "node:path";
import pidusage from "pidusage";
import { figuresOf, type Machine, type ProcessFigures, type Snapshot } from "./figures.ts";
import {
  type KernelUnits,
  type ProcessReading,
  parseAuxv,
  parseBootTime,
  parseStat,
  type StatReading,
} from "./proc.ts";

// How long pidusage keeps a handle it is no longer asked for: a few periods of one second. Never 0, with which it
// loops for ever; nor is its clear() of use, which forgets the handles without closing them.
const HANDLE_MAX_AGE_MS = 5_000;

/** Samples processes, and keeps what CPU figures need from one sample to the next. A provider needs one. */
export interface Sampler extends AsyncDisposable {
  /**
   * Samples all in one batch, by pid; a pid that has gone is not in the map. Never rejects. CPU counts from the sample
   * before, whichever pids that was for, so samples a few clock ticks (10 ms) apart give coarse figures.
   */
  sample(pids: readonly number[]): Promise<Map<number, ProcessFigures>>;
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
  // Read once: a boot time asked for anew would move with the wall clock, and with it every `create_time`.
  const machine = readMachine(procPath, epochMs());
  const units = parseAuxv(ifThere(() => readFileSync(join(procPath, "self/auxv"))) ?? new Uint8Array());
  let before: Snapshot = { atMs: 0, processes: new Map() };
  let last: Promise<unknown> = Promise.resolve();

  async function collect(pids: readonly number[]): Promise<Map<number, ProcessFigures>> {
    const atMs = monotonicMs();
    const table = readTable(procPath, units);
    const living = table === undefined ? pids : pids.filter((pid) => table.has(pid));
    const now = { atMs, processes: merge(table, await readUsage(living)) };
    const figures = figuresOf(pids, { now, before, machine });
    before = now;

    const batch = { elapsed: (monotonicMs() - atMs) / 1000, serviceId: "", timestamp: epochMs() / 1000 };
    return new Map([...figures].map(([pid, own]) => [pid, { ...own, ...batch }]));
  }

  return {
    // One after the other: of two first looks at the same pid pidusage would leave one handle open for ever.
    sample(pids) {
      const figures = Promise.allSettled([last]).then(() => collect(pids));
      last = figures;
      return figures;
    },
    // The handles are pidusage's, which closes them itself when they are past their age.
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([last]);
    },
  };
}

function readMachine(procPath: string, nowEpochMs: number): Machine {
  const stat = ifThere(() => readFileSync(join(procPath, "stat"), "utf8")) ?? "";
  return { memoryBytes: totalmem(), bootEpochSeconds: parseBootTime(stat) ?? nowEpochMs / 1000 - uptime() };
}

function readTable(procPath: string, units: KernelUnits): Map<number, StatReading> | undefined {
  const names = ifThere(() => readdirSync(procPath));
  if (names === undefined) return undefined;
  const table = new Map<number, StatReading>();
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    const text = ifThere(() => readFileSync(`${procPath}/${pid}/stat`, "utf8"));
    const reading = parseStat(text ?? "", units);
    if (reading !== undefined) table.set(reading.pid, reading);
  }
  return table;
}

// Absence is no error here: a process may go between any two looks at it, and not every system has a /proc.
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

// Tasks only. For children the table has the same numbers, whereas pidusage would read each twice at first sight and
// keep it open until its age, one handle for every short-lived child. Of its answer we take the CPU time rather than
// `cpu`, which counts from anybody's last call in this process and knows a process by its pid alone.
async function readUsage(pids: readonly number[]): Promise<ProcessReading[]> {
  if (pids.length === 0) return [];
  // A missing pid is null or undefined, or a rejection when it was the only one. pidusage writes into its argument.
  const answers = await pidusage([...pids], { maxage: HANDLE_MAX_AGE_MS }).catch(() => ({}));
  return Object.values<pidusage.Status | null | undefined>(answers)
    .filter((answer) => answer != null)
    .map(({ pid, ppid, ctime, memory }) => ({ pid, ppid, cpuMs: ctime, rssBytes: memory }));
}

// The table stands in where pidusage has no answer: under a reused pid its old handle is dead for as long as we ask.
function merge(table: Map<number, StatReading> | undefined, usages: ProcessReading[]): Snapshot["processes"] {
  const processes = new Map<number, ProcessReading | StatReading>(table);
  for (const usage of usages) processes.set(usage.pid, { ...processes.get(usage.pid), ...usage });
  return processes;
}
