// Writes a history: a ring of files in a folder. Records are appended in the background; while that fails supervision goes
// on, and records beyond a bound are lost and counted. A process that is killed leaves a whole ring, but for a last line
// that may be cut off; the next writer begins a file of its own.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { MIB_BYTES } from "../units.ts";
import { filesIn } from "./folder.ts";
import { bytesOf, createLineQueue, wholeLines } from "./line-queue.ts";
import { createPacker, FILE_MODE } from "./packer.ts";
import { formatRecord, type HistoryRecord, MAX_LINE_LENGTH } from "./records.ts";
import { nextNumber, packedName, plainName, segmentBytesOf, segmentsOf, surplus } from "./segments.ts";

export interface HistoryWriter extends AsyncDisposable {
  /** Appends a record as soon as possible; never throws. */
  write(record: HistoryRecord): void;
  /** From now on the folder belongs to this writer; records written before wait for that. */
  open(): void;
  /** How many records are lost. */
  readonly lost: number;
  /** Resolves when all records are in the file, or can't be written now, and nothing is left to pack. */
  settled(): Promise<void>;
}

export interface WriterOptions {
  folder: string;
  /** All files together take no more than this. */
  maxBytes: number;
  log: Log;
  /** A file that would become longer is closed and packed. Default: see `segmentBytesOf`. */
  segmentBytes?: number;
  /** How much may wait to be written. Default 4 MiB. */
  maxWaitingBytes?: number;
  /** How long after a failed attempt the next one comes. Default 5_000. */
  retryMs?: number;
  nowMs?(): number;
  /** Writes at the end of a file; returns how many bytes were written. */
  append?(file: FileHandle, bytes: Buffer): Promise<number>;
}

/** How long writing the last records may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;
/** Only the provider's own user may read the folder. */
const FOLDER_MODE = 0o700;
const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;

/** The file that is appended to. */
interface OpenSegment {
  number: number;
  bytes: number;
  exists: boolean;
  /** Its last line is cut off. */
  isTorn: boolean;
}

export function createWriter({
  folder,
  maxBytes,
  log,
  segmentBytes = segmentBytesOf(maxBytes),
  maxWaitingBytes = 4 * MIB_BYTES,
  retryMs = 5_000,
  nowMs = () => performance.now(),
  append = async (file, bytes) => (await file.write(bytes)).bytesWritten,
}: WriterOptions): HistoryWriter {
  // A line must fit into a segment.
  const maxLineBytes = Math.min(MAX_LINE_LENGTH, segmentBytes);
  const queue = createLineQueue(maxWaitingBytes);
  const packer = createPacker(folder, log);
  let tooLong = 0;
  let segment: OpenSegment | undefined;
  let lastNumber = 0;
  let isOpen = false;
  let isClosed = false;
  let hasWarned = false;
  let retryAtMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> | undefined;

  const lost = () => queue.dropped + tooLong;

  function admit(record: HistoryRecord): void {
    const line = Buffer.from(formatRecord(record));
    if (line.length <= maxLineBytes) return queue.push(line);
    const { kind } = record;
    if (tooLong === 0)
      log.warn({ folder, kind, bytes: line.length, most: maxLineBytes }, "history lacks what is too long");
    tooLong += 1;
  }

  /** Begins to write what waits, unless that is under way or has just failed. */
  function startWriting({ isUrgent = false } = {}): Promise<void> {
    if (!isOpen || (!isUrgent && nowMs() < retryAtMs)) return writing ?? Promise.resolve();
    writing ??= writeAll();
    return writing;
  }

  async function writeAll(): Promise<void> {
    // Records of the same turn of the event loop are written at once.
    await new Promise(setImmediate);
    try {
      while (queue.length > 0) await writeSome();
    } catch (error) {
      retryAtMs = nowMs() + retryMs;
      if (!hasWarned) log.warn({ folder, reason: reasonOf(error) }, "history can't be written");
      hasWarned = true;
      // Where the folder has gone, or the name was taken, the next attempt begins a new segment.
      if (!segment?.exists || (error as NodeJS.ErrnoException).code === "ENOENT") segment = undefined;
    } finally {
      // Without an await since the queue was found empty, so that no record is left behind.
      writing = undefined;
    }
  }

  async function writeSome(): Promise<void> {
    if (segment !== undefined && queue.fitting(segmentBytes - segment.bytes) === 0) segment = undefined;
    segment ??= await beginSegment();
    const lines = queue.take(Math.max(1, queue.fitting(segmentBytes - segment.bytes)));
    const newline = segment.isTorn ? "\n" : "";
    const written = { bytes: 0 };
    try {
      await appendTo(segment, Buffer.concat([Buffer.from(newline), ...lines]), written);
    } finally {
      queue.putBack(unwritten(segment, lines, { written: written.bytes, before: newline.length }));
    }
    if (hasWarned) log.info({ folder, lost: lost() }, "history is written again");
    hasWarned = false;
  }

  async function appendTo(target: OpenSegment, bytes: Buffer, written: { bytes: number }): Promise<void> {
    const file = await openFile(target);
    try {
      while (written.bytes < bytes.length) {
        const count = await append(file, bytes.subarray(written.bytes));
        if (count === 0) throw new Error("the file takes no more");
        written.bytes += count;
      }
    } finally {
      await file.close();
    }
  }

  // Opened for each write: after the folder was removed or replaced, an open file would no longer be found by a reader.
  // Created only once: a segment that was removed or packed must not come back under its number.
  async function openFile(target: OpenSegment): Promise<FileHandle> {
    const path = join(folder, plainName(target.number));
    const creation = target.exists ? 0 : O_CREAT | O_EXCL;
    const file = await open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | creation, FILE_MODE);
    target.exists = true;
    return file;
  }

  async function beginSegment(): Promise<OpenSegment> {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const segments = segmentsOf(await filesIn(folder));
    // Leaves room for a whole new segment, and for one that is being packed.
    for (const { number } of surplus(segments, maxBytes - 2 * segmentBytes))
      for (const name of [plainName(number), packedName(number)]) await rm(join(folder, name), { force: true });
    lastNumber = nextNumber(segments, lastNumber);
    packer.packBelow(lastNumber);
    return { number: lastNumber, bytes: 0, exists: false, isTorn: false };
  }

  async function settled(): Promise<void> {
    await startWriting({ isUrgent: true });
    await packer.settled();
  }

  return {
    write(record) {
      if (isClosed) return;
      admit(record);
      void startWriting();
    },
    open() {
      isOpen = true;
      void startWriting();
    },
    get lost() {
      return lost();
    },
    settled,
    async [Symbol.asyncDispose]() {
      isClosed = true;
      // A disk that does not answer must not keep the provider from leaving.
      const late = new AbortController();
      await Promise.race([settled(), pause(CLOSE_TIMEOUT_MS, undefined, { signal: late.signal, ref: false })]).finally(
        () => late.abort(),
      );
      if (isOpen && queue.length > 0) log.warn({ folder, lost: lost() + queue.length }, "history lacks what came last");
    },
  };
}

/**
 * Counts what was written to the segment, and returns the lines that were not written as a whole. A line that was cut off
 * is written again, after a newline, so that the cut one is not taken for a record.
 */
function unwritten(
  segment: OpenSegment,
  lines: readonly Buffer[],
  { written, before }: { written: number; before: number },
): Buffer[] {
  const count = wholeLines(lines, written - before);
  const rest = lines.slice(count);
  segment.bytes += written;
  const isCut = written !== before + bytesOf(lines.slice(0, count));
  if (rest.length === 0) segment.isTorn = false;
  else if (written > 0) segment.isTorn = isCut;
  return rest;
}
