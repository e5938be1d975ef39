// Writes lines to the log files of a context, in the background: a file for each task, rotated when it is long enough, all
// together within a bound. While a file can't be written, its lines wait in memory up to a bound, and lines beyond that are
// lost and counted in the file itself; the file is tried again by and by, and nobody waits for it.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { MIB_BYTES } from "../units.ts";
import { type Append, createActiveFiles, type FileEnd } from "./active-files.ts";
import { createBacklog, unwritten } from "./backlog.ts";
import type { Retention } from "./files.ts";
import { createFolderBound } from "./folder-bound.ts";

export interface LogWriter extends AsyncDisposable {
  /** Appends a line with its end as soon as possible; never throws, never waits. */
  write(channel: string, line: string): void;
  /** From now on the folder belongs to this writer; lines written before wait for that. */
  open(): void;
  /** So much is kept from now on. */
  retain(retention: Retention): void;
  /** How many lines are lost. */
  readonly lost: number;
  /** Resolves when all lines are in their files, or can't be written now. */
  settled(): Promise<void>;
}

export interface LogWriterOptions extends Retention {
  folder: string;
  log: Log;
  /** A line that says how many are missing in its place. */
  gap(channel: string, lost: number, reason: string): string;
  /** How much may wait for one file, and for all: 1 MiB and 32 MiB by default. */
  mostWaitingBytes?: number;
  mostWaitingTotalBytes?: number;
  /** Lines of so many milliseconds are written together. Default 50. */
  gatherMs?: number;
  /** How long after a failed attempt the next one comes. Default 5_000. */
  retryMs?: number;
  nowMs?(): number;
  append?: Append | undefined;
}

/** What is written at once. */
const BATCH_BYTES = MIB_BYTES;
/** How long writing the last lines may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;
/** The same trouble is told again after so long, in milliseconds. */
const TELL_MS = 60_000;

/** What is known of the file of a task. */
interface Channel extends FileEnd {
  /** Not before. */
  retryAtMs: number;
}

export function createLogWriter({
  folder,
  log,
  gap,
  mostWaitingBytes = MIB_BYTES,
  mostWaitingTotalBytes = 32 * MIB_BYTES,
  gatherMs = 50,
  retryMs = 5_000,
  nowMs = () => performance.now(),
  append,
  ...first
}: LogWriterOptions): LogWriter {
  let retention: Retention = first;
  const channels = new Map<string, Channel>();
  const active = createActiveFiles({ folder, retention: () => retention, append });
  const batchBytes = () => Math.min(BATCH_BYTES, retention.fileBytes);
  const bound = createFolderBound({
    folder,
    bounds: () => ({ totalBytes: retention.totalBytes, batchBytes: batchBytes() }),
  });
  const backlog = createBacklog({
    mostBytes: mostWaitingBytes,
    mostTotalBytes: mostWaitingTotalBytes,
    why: () => trouble ?? "they came faster than they could be written",
    gap: (channel, lost, reason) => Buffer.from(gap(channel, lost, reason)),
  });
  /** Why something can't be written; undefined while all is well. */
  let trouble: string | undefined;
  let toldMs = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let dueMs = 0;
  let writing: Promise<void> | undefined;

  function schedule(forMs: number): void {
    if (!isOpen || isClosed || writing !== undefined) return;
    const atMs = nowMs() + forMs;
    if (timer !== undefined && dueMs <= atMs) return;
    clearTimeout(timer);
    dueMs = atMs;
    timer = setTimeout(() => void flush(), forMs);
    timer.unref();
  }

  function flush({ isUrgent = false } = {}): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing ??= writeAll(isUrgent).finally(() => {
      writing = undefined;
      const waits = backlog
        .channels()
        .map((channel) => Math.max(gatherMs, (channels.get(channel)?.retryAtMs ?? 0) - nowMs()));
      if (waits.length > 0) schedule(Math.min(...waits));
    });
    return writing;
  }

  async function writeAll(isUrgent: boolean): Promise<void> {
    let failures = 0;
    // One batch for each file in turn, so that none waits long for another.
    for (const channel of backlog.channels()) {
      const known = channels.get(channel) ?? { isTorn: undefined, retryAtMs: Number.NEGATIVE_INFINITY };
      channels.set(channel, known);
      if (!isUrgent && nowMs() < known.retryAtMs) {
        failures += 1;
        continue;
      }
      try {
        await writeSome(channel, known);
        known.retryAtMs = Number.NEGATIVE_INFINITY;
      } catch (error) {
        known.retryAtMs = nowMs() + retryMs;
        failures += 1;
        tell(error);
      }
    }
    if (failures === 0 && trouble !== undefined) {
      log.info({ folder, lost: backlog.lost }, "logs of tasks are written again");
      trouble = undefined;
    }
  }

  function tell(error: unknown): void {
    const reason = reasonOf(error);
    if (trouble !== reason || nowMs() - toldMs >= TELL_MS) {
      log.warn({ folder, reason, lost: backlog.lost }, "logs of tasks can't be written");
      toldMs = nowMs();
    }
    trouble = reason;
  }

  async function writeSome(channel: string, known: Channel): Promise<void> {
    await bound.keep();
    const lines = backlog.take(channel, batchBytes());
    let written = 0;
    let left: readonly Buffer[] = lines;
    try {
      const bytes = Buffer.concat(lines);
      await active.append(channel, known, bytes, (count) => {
        written += count;
      });
      left = [];
    } finally {
      bound.written(written);
      if (left.length > 0) {
        left = unwritten(lines, written);
        known.isTorn ||= written > 0;
        backlog.putBack(channel, left);
      }
    }
  }

  return {
    write(channel, line) {
      if (isClosed) return;
      const waiting = backlog.push(channel, Buffer.from(line));
      // What is half full does not wait for more.
      schedule(waiting * 2 < mostWaitingBytes ? gatherMs : 0);
    },
    retain(next) {
      retention = next;
    },
    open() {
      isOpen = true;
      if (backlog.bytes > 0) schedule(0);
    },
    get lost() {
      return backlog.lost;
    },
    async settled() {
      if (!isOpen) return;
      await writing;
      // A batch is bounded: what waits may take several.
      let before: number;
      do {
        before = backlog.bytes;
        await flush({ isUrgent: true });
      } while (backlog.bytes > 0 && backlog.bytes < before);
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      // A disk that does not answer must not keep the provider from leaving.
      const late = new AbortController();
      const limit = pause(CLOSE_TIMEOUT_MS, undefined, { signal: late.signal, ref: false }).catch(() => {});
      await Promise.race([this.settled(), limit]).finally(() => late.abort());
      isClosed = true;
      clearTimeout(timer);
      if (isOpen && backlog.bytes > 0)
        log.warn({ folder, bytes: backlog.bytes, reason: trouble }, "logs of tasks lack what came last");
    },
  };
}
