// The process table as /proc shows it: the one witness of what lives and what does not.
import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { findCookie } from "./cookie.ts";
import { type ProcessEntry, type ProcessStat, parseProcessStat, placeOfEnvironment } from "./stat.ts";

export interface ProcessTable {
  /** False where the system has no /proc: then the table shows nobody. */
  readonly isAvailable: boolean;
  /**
   * Everybody there is, the dead that wait to be reaped included. Who asks before a pass begins shares it; who asks
   * during a pass gets the next one, so that what it shows is never older than the question. It misses nobody who
   * lives when it ends. Rejects when the table can't be read, as without descriptors to spare: that is no emptiness.
   */
  read(): Promise<ProcessEntry[]>;
  /** One process as it is now, without its cookie; undefined when there is none, or it can't be seen. */
  find(pid: number): ProcessStat | undefined;
}

/** Processes looked at in one turn of the event loop: some 2 ms. */
const SLICE = 50;
/** Rounds of looking for those that have come during a pass; among strangers that start without end it would not end. */
const ROUNDS = 10;
/** How long a process may take to become another program before it is believed to have no environment. */
const SETTLE_MS = 500;
/** Ends where it begins. */
const IS_EMPTY = /^([1-9]\d*) \1$/;

interface Look {
  entry: ProcessEntry | undefined;
  /** It shows no environment; where that would be. */
  blank?: string | undefined;
}

/**
 * @param options.root - Where the table is mounted.
 * @param options.sinceTicks - Who started before has no cookie of interest; its environment is not read.
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

  // A turn later, so that all who ask in this one share the pass.
  async function begin(): Promise<ProcessEntry[]> {
    await nextTurn();
    next = undefined;
    return pass();
  }

  // Who is forked while we look by somebody who is gone before we come to him is in no listing made before: only when
  // a listing shows nobody new has everybody been seen who lives.
  async function pass(): Promise<ProcessEntry[]> {
    const seen = new Set<string>();
    const entries: ProcessEntry[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const newcomers = readdirSync(root).filter((name) => /^\d+$/.test(name) && !seen.has(name));
      if (newcomers.length === 0) break;
      const unsettled: Promise<Look>[] = [];
      for (const [index, pid] of newcomers.entries()) {
        if (index % SLICE === SLICE - 1) await nextTurn();
        seen.add(pid);
        const look = lookAt(pid);
        if (look.blank !== undefined) unsettled.push(handled(lookLonger(pid, look)));
        else if (look.entry !== undefined) entries.push(look.entry);
      }
      for (const { entry } of await Promise.all(unsettled)) if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  // A process that is about to become another program shows no environment for a moment, though it has one: an empty
  // one is believed only when it was found twice at the same place.
  async function lookLonger(pid: string, first: Look): Promise<Look> {
    const deadlineMs = performance.now() + SETTLE_MS;
    let last = first;
    while (performance.now() < deadlineMs) {
      await wait(1);
      const look = lookAt(pid);
      if (look.blank === undefined || (look.blank === last.blank && IS_EMPTY.test(look.blank))) return look;
      last = look;
    }
    return last;
  }

  function lookAt(pid: string): Look {
    const text = readText(`${root}/${pid}/stat`) ?? "";
    const entry = parseProcessStat(text);
    if (entry === undefined || entry.startTicks < sinceTicks) return { entry };
    const environment = readText(`${root}/${pid}/environ`);
    if (environment === "") return { entry, blank: placeOfEnvironment(text) };
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

// The pass fails with it when it comes to that, or has failed before.
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a file below /proc answers for a process that is gone meanwhile, or that is not ours to look at. */
const ABSENT = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

// One buffer for all: files of /proc have no size to go by, and readFileSync takes twice as long over them.
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
