// Keeps the figures that are too dear for every sample, and renews those of a few processes at each.
import { setTimeout as wait } from "node:timers/promises";
import { type Awaiting, type Tick, takeTurns } from "./due.ts";

/** A process and its start, which together are its identity. */
export interface Identity {
  pid: number;
  startMs: number;
}

export interface TierOptions<Figures> {
  /** How long a figure holds. */
  periodMs: number;
  /** Reads the figures of a process; undefined when it is gone. */
  read(process: Identity, atMs: number): Promise<Figures | undefined>;
  /**
   * How long a sample waits for readings; what comes later is shown by the next. Linux makes a reader of `smaps` wait
   * for a process that hangs in a page fault. Default 250.
   */
  patienceMs?: number;
}

export interface Tier<Figures> {
  /** Reads those of the processes whose turn it is. Never rejects. */
  serve(processes: readonly Identity[], tick: Tick): Promise<void>;
  /** The last reading of a process, as long as it is not too old. */
  find(process: Identity, atMs: number): Figures | undefined;
  /** Drops what is known of those who are gone. */
  forget(isGone: (pid: number) => boolean): void;
}

interface Entry<Figures> extends Awaiting, Identity {
  isUnderWay: boolean;
  reading?: { atMs: number; figures: Figures };
}

/** Readings under way at the same time. */
const SLOTS = 2;

/** A figure is shown for so many periods when it can't be renewed. */
const LASTING_PERIODS = 3;

export function createTier<Figures>({ periodMs, read, patienceMs = 250 }: TierOptions<Figures>): Tier<Figures> {
  const entries = new Map<number, Entry<Figures>>();
  let underWay = 0;

  async function serve(processes: readonly Identity[], tick: Tick): Promise<void> {
    const awaiting = processes.map((process) => entryOf(process, tick)).filter(({ isUnderWay }) => !isUnderWay);
    const queue = takeTurns(awaiting, tick, periodMs);
    if (queue.length === 0) return;
    const workers = Array.from({ length: SLOTS - underWay }, () => work(queue, tick.atMs));
    await atMost(patienceMs, Promise.all(workers));
    // Whoever was not reached is as due at the next tick.
    queue.length = 0;
  }

  function entryOf({ pid, startMs }: Identity, { atMs }: Tick): Entry<Figures> {
    const known = entries.get(pid);
    if (known?.startMs === startMs) return known;
    const entry = { pid, startMs, dueMs: atMs, isUnderWay: false };
    entries.set(pid, entry);
    return entry;
  }

  async function work(queue: Entry<Figures>[], atMs: number): Promise<void> {
    underWay += 1;
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      Object.assign(entry, { dueMs: atMs + periodMs, isUnderWay: true });
      const figures = await read(entry, atMs).catch(() => undefined);
      entry.isUnderWay = false;
      if (figures !== undefined) entry.reading = { atMs, figures };
    }
    underWay -= 1;
  }

  return {
    serve,
    find({ pid, startMs }, atMs) {
      const entry = entries.get(pid);
      if (entry?.reading === undefined || entry.startMs !== startMs) return undefined;
      return atMs - entry.reading.atMs <= LASTING_PERIODS * periodMs ? entry.reading.figures : undefined;
    },
    forget(isGone) {
      for (const pid of entries.keys()) if (isGone(pid)) entries.delete(pid);
    },
  };
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = wait(ms, undefined, { signal: over.signal, ref: false }).catch(() => {});
  await Promise.race([work, late]);
  over.abort();
}
