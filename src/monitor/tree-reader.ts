// Reads the sampled processes and all that descend from them. One pass over all processes finds the unrelated ones, which
// may be many and are not read again for a while. Asking each process for its children would cost more: each of its threads
// has a list of its own.
import { setImmediate as nextTurn } from "node:timers/promises";
import { sortByDescent } from "./descent.ts";
import { type KernelUnits, parseResidentBytes, parseStat, type StatReading } from "./proc.ts";
import type { ProcFiles } from "./proc-files.ts";

/** The result of one pass. */
export interface Trees {
  members: ReadonlyMap<number, StatReading>;
  /** Whether any process has this pid. */
  isListed(pid: number): boolean;
}

export interface TreeReader {
  /** Undefined where there is no process table, or it can't be read now. */
  read(roots: readonly number[], atMs: number): Promise<Trees | undefined>;
  find(pid: number): StatReading | undefined;
}

/** The pid of an unrelated process may, if rarely, be reused by a descendant, which is then missed for so long at most. */
const UNRELATED_MAX_AGE_MS = 30_000;

/** Processes read in one turn of the event loop, some 2 ms. */
const SLICE = 150;

export function createTreeReader(files: ProcFiles, units: KernelUnits): TreeReader {
  let unrelated: ReadonlySet<number> = new Set();
  let unrelatedAtMs = Number.NEGATIVE_INFINITY;
  let rootsBefore: ReadonlySet<number> = new Set();

  async function read(pids: readonly number[], atMs: number): Promise<Trees | undefined> {
    const names = files.names("");
    if (names === undefined) return undefined;
    const listed = new Set(names.filter(isPid).map(Number));
    const roots = new Set(pids);
    // A new root may have been unrelated until now, and so may its children.
    const isAnew = atMs - unrelatedAtMs >= UNRELATED_MAX_AGE_MS || pids.some((pid) => !rootsBefore.has(pid));
    if (isAnew) unrelatedAtMs = atMs;
    rootsBefore = roots;

    const known = new Set(isAnew ? [] : [...unrelated].filter((pid) => listed.has(pid)));
    const readings = await readEach([...listed].filter((pid) => !known.has(pid)));
    const sorted = sortByDescent(readings, roots, known);
    unrelated = sorted.unrelated;
    const members = [...readings].filter(([pid]) => sorted.members.has(pid));
    return {
      members: new Map(members.map(([pid, reading]) => [pid, withResident(reading)])),
      isListed: (pid) => listed.has(pid),
    };
  }

  function withResident(reading: StatReading): StatReading {
    const rssBytes = parseResidentBytes(files.record(`${reading.pid}/statm`) ?? "", units);
    return rssBytes === undefined ? reading : { ...reading, rssBytes };
  }

  async function readEach(pids: readonly number[]): Promise<Map<number, StatReading>> {
    const readings = new Map<number, StatReading>();
    for (const [index, pid] of pids.entries()) {
      if (index % SLICE === SLICE - 1) await nextTurn();
      const reading = find(pid);
      if (reading !== undefined) readings.set(pid, reading);
    }
    return readings;
  }

  function find(pid: number): StatReading | undefined {
    return parseStat(files.record(`${pid}/stat`) ?? "", units);
  }

  return { read, find };
}

function isPid(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 0x31 && first <= 0x39;
}
