/** Turns readings of processes into the figures that travel. Keeps nothing; the reading before is an argument. */
import type { ProcessReading, StatReading } from "./proc.ts";

/** `rss` in MiB, `percent` of the machine's memory, `cpu_percent` of one core since the sample before. */
export interface Usage {
  rss: number;
  percent: number;
  cpu_percent: number;
}

/** With the virtual size as well, in MiB. */
export interface FullUsage extends Usage {
  vms: number;
}

/** A direct child process. `create_time` is in epoch seconds. */
export interface ChildFigures extends FullUsage {
  pid: number;
  status: string;
  create_time: number;
}

/** What only a process table tells. `total` is the process plus its direct children; threads are not listed. */
export interface TableFigures {
  status: string;
  vms: number;
  total: FullUsage;
  children: ChildFigures[];
}

/**
 * The `memory` object of the wire, for one task. On a system without /proc the members of `TableFigures` are left out
 * rather than made up. `elapsed` (seconds) is what the whole batch took, `timestamp` (epoch seconds) its end;
 * `serviceId` is empty, for whoever knows the task to fill in.
 */
export interface ProcessFigures extends Usage, Partial<TableFigures> {
  elapsed: number;
  serviceId: string;
  timestamp: number;
}

/** All readings of one moment, by pid. `atMs` is of a clock that only goes forward. */
export interface Snapshot {
  atMs: number;
  processes: ReadonlyMap<number, ProcessReading | StatReading>;
}

/** What shares and start times are relative to. */
export interface Machine {
  memoryBytes: number;
  bootEpochSeconds: number;
}

const MIB_BYTES = 2 ** 20;

/**
 * The figures of each pid that is in `now`. CPU is what was used since `before`, and 0 for a process that was not in
 * it: another process under the same pid inherits nothing.
 */
export function figuresOf(
  pids: readonly number[],
  { now, before, machine }: { now: Snapshot; before: Snapshot; machine: Machine },
): Map<number, Usage & Partial<TableFigures>> {
  const childrenOf = childrenByParent(now);
  const readings = pids.map((pid) => now.processes.get(pid)).filter((reading) => reading !== undefined);
  return new Map(readings.map((own) => [own.pid, isStat(own) ? withChildren(own) : usage(own)]));

  function withChildren(own: StatReading): Usage & TableFigures {
    const children = (childrenOf.get(own.pid) ?? []).map(childFigures);
    return { status: own.status, ...fullUsage(own), total: children.reduce(sum, fullUsage(own)), children };
  }

  function childFigures(child: StatReading): ChildFigures {
    const { pid, status, startMs } = child;
    return { pid, status, create_time: machine.bootEpochSeconds + startMs / 1000, ...fullUsage(child) };
  }

  function fullUsage(reading: StatReading): FullUsage {
    return { ...usage(reading), vms: reading.vmsBytes / MIB_BYTES };
  }

  function usage(reading: ProcessReading): Usage {
    return {
      rss: reading.rssBytes / MIB_BYTES,
      percent: (reading.rssBytes / machine.memoryBytes) * 100,
      cpu_percent: cpuPercent(reading),
    };
  }

  function cpuPercent(reading: ProcessReading): number {
    const earlier = before.processes.get(reading.pid);
    const spanMs = now.atMs - before.atMs;
    if (earlier === undefined || earlier.startMs !== reading.startMs || spanMs <= 0) return 0;
    // Without /proc there is no start time, and a count that went back is all that tells another process.
    return Math.max(0, ((reading.cpuMs - earlier.cpuMs) / spanMs) * 100);
  }
}

function childrenByParent({ processes }: Snapshot): Map<number, StatReading[]> {
  const children = new Map<number, StatReading[]>();
  for (const reading of [...processes.values()].filter(isStat)) {
    const siblings = children.get(reading.ppid);
    if (siblings === undefined) children.set(reading.ppid, [reading]);
    else siblings.push(reading);
  }
  return children;
}

function isStat(reading: ProcessReading | StatReading): reading is StatReading {
  return "status" in reading;
}

function sum(left: FullUsage, right: FullUsage): FullUsage {
  return {
    rss: left.rss + right.rss,
    vms: left.vms + right.vms,
    percent: left.percent + right.percent,
    cpu_percent: left.cpu_percent + right.cpu_percent,
  };
}
