// Turns readings of processes into the figures that travel. Aliases rather than interfaces, as JSON is made of them; see
// protocol/task-record.ts. Pure.
import { MIB_BYTES } from "../units.ts";
import type { ContextSwitches, StorageBytes } from "./counters.ts";
import type { MemoryReading, MemoryShares } from "./memory.ts";
import type { ProcessReading, StatReading } from "./proc.ts";
import { distinct, type SocketSummary } from "./sockets.ts";

/** `rss` in MiB, `percent` of the machine's memory, `cpu_percent` of one core since the sample before. */
export type Usage = {
  rss: number;
  percent: number;
  cpu_percent: number;
};

/** The virtual size, in MiB, and the number of threads. */
type Size = {
  vms: number;
  threads: number;
};

/** Figures that are not read at every sample, but repeated until their next reading. Without permission they are absent. */
export type SlowFigures = Partial<MemoryShares> &
  Partial<SocketSummary> & {
    context_switches?: ContextSwitches;
    io?: StorageBytes;
    /** Open files, and how many there may be. */
    fds?: number;
    fds_limit?: number;
  };

/** The same with what does not travel. */
export type SlowReading = SlowFigures & Partial<Pick<MemoryReading, "counted_elsewhere">>;

/** `pss`: shared memory is divided among the processes that hold it. `rss`: it counts in each. `mixed`: some of both. */
export type MemoryFigure = "pss" | "rss" | "mixed";

/** Seconds of CPU since its start. */
export type CpuTimes = {
  user: number;
  system: number;
};

/** A process below the task's, however far. `create_time` is in epoch seconds. */
export type ChildFigures = Usage &
  Size &
  SlowFigures & {
    pid: number;
    ppid: number;
    status: string;
    create_time: number;
    cpu_times: CpuTimes;
  };

/**
 * Sums over processes. Counters are not summed: they would go back when a process ends. `memory`, in MiB, and `percent` count
 * shared memory once, as far as it can be told; `memory_figure` says so. `rss` counts it in each process.
 */
export type TreeFigures = Usage &
  Partial<Size> &
  Partial<MemoryShares> & {
    memory?: number;
    memory_figure?: MemoryFigure;
    fds?: number;
    listening?: [ip: string, port: number][];
  };

/** What only a process table tells. `total` is of the process and its descendants. */
export type TableFigures = Size & {
  status: string;
  /** In epoch seconds; with the pid it tells this process from a later one. */
  create_time: number;
  uptime_s: number;
  cpu_times: CpuTimes;
  total: TreeFigures;
  children: ChildFigures[];
};

/**
 * The `memory` object of the wire, for one task. On a system without /proc the members of `TableFigures` and
 * `SlowFigures` are left out. `elapsed` (seconds) is what the whole batch took, `timestamp` (epoch seconds) its end;
 * `serviceId` is empty, and filled in by the caller, which knows the task.
 */
export type ProcessFigures = Usage &
  Partial<TableFigures> &
  SlowFigures & {
    elapsed: number;
    serviceId: string;
    timestamp: number;
  };

/** What was read of a process, and when, by a monotonic clock. */
export interface TimedReading {
  atMs: number;
  reading: ProcessReading | StatReading;
}

/** By pid. */
export type TimedReadings = ReadonlyMap<number, TimedReading>;

/** What shares and start times are relative to. */
export interface Machine {
  memoryBytes: number;
  bootEpochSeconds: number;
}

export interface FiguresOptions {
  now: TimedReadings;
  /** The previous reading of each, from any earlier sample. */
  before: TimedReadings;
  machine: Machine;
  /** How long the machine has run. */
  uptimeMs: number;
  slow?: ReadonlyMap<number, SlowReading>;
}

const SUMMED = ["rss", "memory", "vms", "percent", "cpu_percent", "threads", "pss", "uss", "swap", "fds"] as const;

/**
 * The figures of each pid that is in `now`. CPU is what was used since the previous reading, and 0 without one: another
 * process under the same pid inherits nothing.
 */
export function figuresOf(
  pids: readonly number[],
  { now, before, machine, uptimeMs, slow = new Map() }: FiguresOptions,
): Map<number, Usage & Partial<TableFigures> & SlowFigures> {
  const childrenOf = childrenByParent(now);
  const readings = pids.map((pid) => now.get(pid)?.reading).filter((reading) => reading !== undefined);
  return new Map(readings.map((own) => [own.pid, isStat(own) ? withTree(own) : usage(own)]));

  function withTree(own: StatReading): Usage & TableFigures & SlowFigures {
    const { pid, status, startMs } = own;
    const descendants = descendantsOf(pid, childrenOf);
    const children = descendants.map(childFigures);
    const figures = { ...fullUsage(own), ...slowFigures(pid) };
    const total = sumOf([figures, ...children].map((each, at) => ({ ...each, ...memory(descendants[at - 1] ?? own) })));
    return {
      status,
      ...figures,
      create_time: createTime(own),
      uptime_s: Math.max(0, Math.round(uptimeMs - startMs) / 1000),
      cpu_times: cpuTimes(own),
      total,
      children,
    };
  }

  function childFigures(child: StatReading): ChildFigures {
    const { pid, ppid, status } = child;
    const identity = { pid, ppid, status, create_time: createTime(child) };
    return { ...identity, cpu_times: cpuTimes(child), ...fullUsage(child), ...slowFigures(pid) };
  }

  function slowFigures(pid: number): SlowFigures {
    const { counted_elsewhere, ...figures } = slow.get(pid) ?? {};
    return figures;
  }

  // The resident memory is read each second, and what others share of it more rarely; what has come since is its own.
  function memory({ pid, rssBytes }: StatReading): Pick<TreeFigures, "memory" | "memory_figure"> & { percent: number } {
    const shared = slow.get(pid)?.counted_elsewhere;
    const mib = Math.max(0, rssBytes / MIB_BYTES - (shared ?? 0));
    return {
      memory: mib,
      memory_figure: shared === undefined ? "rss" : "pss",
      percent: ((mib * MIB_BYTES) / machine.memoryBytes) * 100,
    };
  }

  function createTime({ startMs }: StatReading): number {
    return machine.bootEpochSeconds + startMs / 1000;
  }

  function fullUsage(reading: StatReading): Usage & Size {
    return { ...usage(reading), vms: reading.vmsBytes / MIB_BYTES, threads: reading.threads };
  }

  function usage(reading: ProcessReading): Usage {
    return {
      rss: reading.rssBytes / MIB_BYTES,
      percent: (reading.rssBytes / machine.memoryBytes) * 100,
      cpu_percent: cpuPercent(reading),
    };
  }

  function cpuPercent({ pid, startMs, cpuMs }: ProcessReading): number {
    const earlier = before.get(pid);
    const spanMs = (now.get(pid)?.atMs ?? 0) - (earlier?.atMs ?? 0);
    if (earlier === undefined || earlier.reading.startMs !== startMs || spanMs <= 0) return 0;
    // Without /proc there is no start time: only a count that went back reveals another process under this pid.
    return Math.max(0, ((cpuMs - earlier.reading.cpuMs) / spanMs) * 100);
  }
}

/** The members that are not undefined. */
export function withoutUndefined<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as typeof members;
}

function childrenByParent(looks: TimedReadings): Map<number, StatReading[]> {
  const children = new Map<number, StatReading[]>();
  for (const { reading } of looks.values()) {
    if (!isStat(reading)) continue;
    const siblings = children.get(reading.ppid);
    if (siblings === undefined) children.set(reading.ppid, [reading]);
    else siblings.push(reading);
  }
  return children;
}

/** Children first, then theirs. Each once: processes that were read at different moments may seem each other's parents. */
function descendantsOf(pid: number, childrenOf: ReadonlyMap<number, StatReading[]>): StatReading[] {
  const found = new Map((childrenOf.get(pid) ?? []).map((child) => [child.pid, child]));
  for (const parent of found.keys()) {
    for (const child of childrenOf.get(parent) ?? []) if (child.pid !== pid) found.set(child.pid, child);
  }
  return [...found.values()];
}

/** The sum of processes, or of their trees. */
export function sumOf(processes: readonly TreeFigures[]): TreeFigures {
  const sum: TreeFigures = { rss: 0, percent: 0, cpu_percent: 0 };
  for (const figures of processes) {
    for (const name of SUMMED) {
      const value = figures[name];
      if (value !== undefined) sum[name] = (sum[name] ?? 0) + value;
    }
  }
  const kinds = new Set(processes.flatMap(({ memory_figure: kind }) => (kind === undefined ? [] : [kind])));
  const [kind] = kinds;
  if (kind !== undefined) sum.memory_figure = kinds.size === 1 ? kind : "mixed";
  const listening = processes.flatMap((figures) => (figures.listening === undefined ? [] : [figures.listening]));
  if (listening.length > 0) sum.listening = distinct(listening.flat());
  return sum;
}

function cpuTimes({ userMs, systemMs }: StatReading): CpuTimes {
  return { user: userMs / 1000, system: systemMs / 1000 };
}

function isStat(reading: ProcessReading | StatReading): reading is StatReading {
  return "status" in reading;
}
