// Reads the process table from /proc: which processes exist, what they belong to, and the cookies they carry.
import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { findCookie } from "./cookie.ts";
import {
  environmentRange,
  isLiving,
  isSame,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessStat,
  parseProcessStat,
} from "./stat.ts";

export interface ProcessTable {
  /** False where the system has no /proc; the table is then empty. */
  readonly isAvailable: boolean;
  /**
   * All processes, zombies included; none that is alive at the end of the pass is missed. Calls before a pass begins share
   * that pass, calls during a pass get the next one: a result is never older than the call. Rejects when the table can't be
   * read, as without free descriptors.
   */
  read(): Promise<ProcessEntry[]>;
  /** One process as it is now, without its cookie; undefined when there is none, or when it can't be read. */
  find(pid: number): ProcessStat | undefined;
}

/** Whether a process is gone, or another one has its pid by now. False where the system does not tell. */
export function hasEnded({ isAvailable, find }: ProcessTable, identity: ProcessIdentity): boolean {
  if (!isAvailable) return false;
  const found = find(identity.pid);
  return found === undefined || !isSame(found, identity) || !isLiving(found);
}

/** Processes read in one turn of the event loop; takes about 2 ms. */
const SLICE = 50;
/** How often a pass lists the processes again for new ones. Bounded, since a busy system starts processes without end. */
const ROUNDS = 10;
/** How long an exec may take before a process is taken to have no environment. */
const SETTLE_MS = 500;
/** A range that ends where it begins. */
const IS_EMPTY = /^([1-9]\d*) \1$/;

interface Reading {
  entry: ProcessEntry | undefined;
  /** The address range of the environment, where that reads as empty. */
  emptyRange?: string | undefined;
}

/**
 * @param options.root - Where the table is mounted.
 * @param options.sinceTicks - The environment of processes that started earlier is not read: no cookie is expected there.
 */
export function createProcessTable({ root = "/proc", sinceTicks = 0 } = {}): ProcessTable {
  const isAvailable = existsSync(`${root}/self/stat`);
  const readText = createReader();
  let next: Promise<ProcessEntry[]> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function read(): Promise<ProcessEntry[]> {
    if (!isAvailable) return Promise.resolve([]);
    if (next === undefined) {
      next = last.then(begin, begin);
      last = next;
    }
    return next;
  }

  // In the next turn, so that all calls of this one share the pass.
  async function begin(): Promise<ProcessEntry[]> {
    await nextTurn();
    next = undefined;
    return pass();
  }

  // A process may be forked during the pass by a parent that exits before it is read, and then is in no listing made so far.
  // Only a listing without new processes proves that every living one has been read.
  async function pass(): Promise<ProcessEntry[]> {
    const seen = new Set<string>();
    const entries: ProcessEntry[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const newcomers = readdirSync(root).filter((name) => /^\d+$/.test(name) && !seen.has(name));
      if (newcomers.length === 0) break;
      const unsettled: Promise<Reading>[] = [];
      for (const [index, pid] of newcomers.entries()) {
        if (index % SLICE === SLICE - 1) await nextTurn();
        seen.add(pid);
        const reading = readOne(pid);
        if (reading.emptyRange !== undefined) unsettled.push(handled(readAgain(pid, reading)));
        else if (reading.entry !== undefined) entries.push(reading.entry);
      }
      for (const { entry } of await Promise.all(unsettled)) if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  // During an exec the environment reads as empty for a moment. It is taken to be empty only when it was so twice, at the
  // same addresses.
  async function readAgain(pid: string, first: Reading): Promise<Reading> {
    const deadlineMs = performance.now() + SETTLE_MS;
    let last = first;
    while (performance.now() < deadlineMs) {
      await wait(1);
      const reading = readOne(pid);
      const { emptyRange } = reading;
      if (emptyRange === undefined || (emptyRange === last.emptyRange && IS_EMPTY.test(emptyRange))) return reading;
      last = reading;
    }
    return last;
  }

  function readOne(pid: string): Reading {
    const text = readText(`${root}/${pid}/stat`) ?? "";
    const entry = parseProcessStat(text);
    if (entry === undefined || entry.startTicks < sinceTicks) return { entry };
    const environment = readText(`${root}/${pid}/environ`);
    if (environment === "") return { entry, emptyRange: environmentRange(text) };
    const cookie = findCookie(environment ?? "");
    return { entry: cookie === undefined ? entry : { ...entry, cookie } };
  }

  function find(pid: number): ProcessStat | undefined {
    try {
      return parseProcessStat(readText(`${root}/${pid}/stat`) ?? "");
    } catch {
      return undefined;
    }
  }

  return { isAvailable, read, find };
}

// The pass awaits it later and fails with it then; until that, a rejection must not count as unhandled.
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Errors of files below /proc for a process that has exited meanwhile, or that we may not read. */
const ABSENT = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

// One buffer for all reads: files of /proc have no size, and readFileSync takes twice as long for them.
function createReader(): (path: string) => string | undefined {
  let buffer = Buffer.allocUnsafe(64 * 1024);

  function readAll(file: number): string {
    let length = 0;
    while (true) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0) return buffer.toString("latin1", 0, length);
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
    }
  }

  return (path) => {
    try {
      const file = openSync(path, "r");
      try {
        return readAll(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  };
}
