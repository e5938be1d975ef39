// Reads the watched processes and all that descend from them. One look at everybody tells the strangers, who may be many
// and are then left alone; a process may have a child by each of its threads, so asking them all would be dearer.
import { setImmediate as nextTurn } from "node:timers/promises";
import { sortByDescent } from "./descent.ts";
import { type KernelUnits, parseResidentBytes, parseStat, type StatReading } from "./proc.ts";
import type { ProcFiles } from "./proc-files.ts";

/** What one pass has found. */
export interface Trees {
  members: ReadonlyMap<number, StatReading>;
  /** Whether there is a process of that pid at all, of ours or not. */
  isListed(pid: number): boolean;
}

export interface TreeReader {
  /** Undefined where there is no process table, or it can't be read now. */
  read(roots: readonly number[], atMs: number): Promise<Trees | undefined>;
  find(pid: number): StatReading | undefined;
}

/** A stranger's pid may pass to one of ours from one listing to the next, if rarely; so long is it not seen at most. */
const STRANGERS_MAX_AGE_MS = 30_000;

/** Processes looked at in one turn of the event loop: some 2 ms. */
const SLICE = 150;

export function createTreeReader(files: ProcFiles, units: KernelUnits): TreeReader {
  let strangers: ReadonlySet<number> = new Set();
  let strangersAtMs = Number.NEGATIVE_INFINITY;
  let rootsBefore: ReadonlySet<number> = new Set();

  async function read(pids: readonly number[], atMs: number): Promise<Trees | undefined> {
    const names = files.names("");
    if (names === undefined) return undefined;
    const listed = new Set(names.filter(isPid).map(Number));
    const roots = new Set(pids);
    // Who is asked for newly may have been a stranger until now, and have children among them.
    const isAnew = atMs - strangersAtMs >= STRANGERS_MAX_AGE_MS || pids.some((pid) => !rootsBefore.has(pid));
    if (isAnew) strangersAtMs = atMs;
    rootsBefore = roots;

    const known = new Set(isAnew ? [] : [...strangers].filter((pid) => listed.has(pid)));
    const readings = await readEach([...listed].filter((pid) => !known.has(pid)));
    const sorted = sortByDescent(readings, roots, known);
    strangers = sorted.strangers;
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
