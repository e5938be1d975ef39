// Keeps the last reading of each process, and renews the readings of a few processes at each tick.
import { setTimeout as wait } from "node:timers/promises";
import { pickDue, type Scheduled, type Tick } from "./due.ts";

/** A process and its start, which together are its identity. */
export interface Identity {
  pid: number;
  startMs: number;
}

export interface ReadingCacheOptions<Figures, Process extends Identity> {
  /** How long a reading holds. */
  periodMs: number;
  /** Reads the figures of a process; undefined when it has gone. */
  read(process: Identity, atMs: number): Promise<Figures | undefined>;
  /** Whether a reading no longer tells of a process, as it was found now; it is then renewed before its time. */
  isOutdated?(process: Process, figures: Figures): boolean;
  /**
   * How long a tick waits for readings; later ones are shown at the next tick. Linux makes a reader of `smaps` wait for a
   * process that hangs in a page fault. Default 250.
   */
  patienceMs?: number;
}

export interface ReadingCache<Figures, Process extends Identity = Identity> {
  /** Reads the processes that are due. Never rejects. */
  refresh(processes: readonly Process[], tick: Tick): Promise<void>;
  /** Reads all of these now; false when not all readings have come in time. Never rejects. */
  renew(processes: readonly Identity[], tick: Tick): Promise<boolean>;
  /** The last reading of a process, unless it is too old. */
  find(process: Identity, atMs: number): Figures | undefined;
  /** Drops the readings of processes that have gone. */
  forget(isGone: (pid: number) => boolean): void;
}

interface Entry<Figures> extends Scheduled, Identity {
  isUnderWay: boolean;
  reading?: { atMs: number; figures: Figures };
}

/** How many readings are under way at the same time. */
const SLOTS = 2;

/** An outdated reading is kept for this part of its period: what changes all the time is not read all the time. */
const OUTDATED_PART = 1 / 6;

/** For how many periods a reading is shown that can't be renewed. */
const LASTING_PERIODS = 3;

export function createReadingCache<Figures, Process extends Identity = Identity>({
  periodMs,
  read,
  isOutdated = () => false,
  patienceMs = 250,
}: ReadingCacheOptions<Figures, Process>): ReadingCache<Figures, Process> {
  const entries = new Map<number, Entry<Figures>>();
  let underWay = 0;

  async function refresh(processes: readonly Process[], tick: Tick): Promise<void> {
    for (const process of processes) {
      const entry = entryOf(process, tick);
      const { reading } = entry;
      if (reading !== undefined && isOutdated(process, reading.figures))
        entry.dueMs = Math.min(entry.dueMs, reading.atMs + periodMs * OUTDATED_PART);
    }
    const awaiting = processes.map((process) => entryOf(process, tick)).filter(({ isUnderWay }) => !isUnderWay);
    await readAll(pickDue(awaiting, tick, periodMs), tick);
  }

  async function renew(processes: readonly Identity[], tick: Tick): Promise<boolean> {
    const all = processes.map((process) => entryOf(process, tick));
    const isRead = ({ isUnderWay, dueMs }: Entry<Figures>) => !isUnderWay && dueMs === tick.atMs + periodMs;
    await readAll(
      all.filter((entry) => !entry.isUnderWay && !isRead(entry)),
      tick,
    );
    return all.every(isRead);
  }

  async function readAll(queue: Entry<Figures>[], { atMs }: Tick): Promise<void> {
    if (queue.length === 0) return;
    const workers = Array.from({ length: SLOTS - underWay }, () => work(queue, atMs));
    await atMost(patienceMs, Promise.all(workers));
    // What was not reached stays due, and is read at the next tick.
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
    refresh,
    renew,
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
