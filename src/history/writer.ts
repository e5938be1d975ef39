// Writes a history: a ring of files in a folder. Records are appended as they come, without anybody waiting; where that
// is not possible supervision goes on, and what waits too long is lost and counted. A process that is killed leaves a
// whole ring behind, but for a last line that is cut off; the next writer begins a file of its own.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { MIB_BYTES } from "../units.ts";
import { filesIn, ifGone } from "./folder.ts";
import { formatRecord, type HistoryRecord, MAX_LINE_LENGTH } from "./records.ts";
import {
  nextNumber,
  packedName,
  plainName,
  segmentBytesOf,
  segmentsOf,
  surplus,
  unfinishedIn,
  unfinishedName,
} from "./segments.ts";

export interface HistoryWriter extends AsyncDisposable {
  /** Appends a record as soon as it can; never throws. */
  write(record: HistoryRecord): void;
  /** From now on the folder is ours; what has come before waits for that. */
  open(): void;
  /** Records that are not in the file, and will not be. */
  readonly lost: number;
  /** Resolves when all that has come is in the file, or can't be, and nothing is left to pack. */
  settled(): Promise<void>;
}

export interface WriterOptions {
  folder: string;
  /** All files together are no longer than this. */
  maxBytes: number;
  log: Log;
  /** A file that would be longer is closed and packed. Default: as `segmentBytesOf` says. */
  segmentBytes?: number;
  /** What may wait to be written. Default 4 MiB. */
  maxWaitingBytes?: number;
  /** How long after one attempt that has failed the next one comes. Default 5_000. */
  retryMs?: number;
  nowMs?(): number;
  /** Writes at the end of a file; answers how many bytes it took. */
  append?(file: FileHandle, bytes: Buffer): Promise<number>;
}

/** How long the last records may take, in milliseconds. */
const LAST_MS = 2_000;
/** Only we are to read it. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;

const pack = promisify(gzip);

/** The file that is appended to. */
interface OpenSegment {
  number: number;
  bytes: number;
  isThere: boolean;
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
  // So that a file is never longer than that.
  const maxLineBytes = Math.min(MAX_LINE_LENGTH, segmentBytes);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let segment: OpenSegment | undefined;
  let lastNumber = 0;
  let isOpen = false;
  let isClosed = false;
  /** There is trouble, and it has been told. */
  let isTold = false;
  let retryAtMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> | undefined;
  let packing = Promise.resolve();
  let isPackTold = false;
  let isTooLongTold = false;

  function admit(record: HistoryRecord): void {
    const line = Buffer.from(formatRecord(record));
    if (line.length > maxLineBytes) return refuse(record, line.length);
    waiting.push(line);
    waitingBytes += line.length;
    trim();
  }

  function refuse({ kind }: HistoryRecord, bytes: number): void {
    lost += 1;
    if (!isTooLongTold) log.warn({ folder, kind, bytes, most: maxLineBytes }, "history lacks what is too long");
    isTooLongTold = true;
  }

  /** What is too much for the bound is lost, the oldest first. */
  function trim(): void {
    while (waitingBytes > maxWaitingBytes) {
      waitingBytes -= (waiting.shift() as Buffer).length;
      lost += 1;
    }
  }

  /** Begins to write what waits, unless that is going on, or has just failed. */
  function arouse({ isUrgent = false } = {}): Promise<void> {
    if (!isOpen || (!isUrgent && nowMs() < retryAtMs)) return writing ?? Promise.resolve();
    writing ??= writeAll();
    return writing;
  }

  async function writeAll(): Promise<void> {
    // All that comes in the same turn is written at once.
    await new Promise(setImmediate);
    try {
      while (waiting.length > 0) await writeSome();
    } catch (error) {
      retryAtMs = nowMs() + retryMs;
      if (!isTold) log.warn({ folder, reason: reasonOf(error) }, "history can't be written");
      isTold = true;
      // Where the folder has gone, or the name was taken, everything begins anew.
      if (!segment?.isThere || (error as NodeJS.ErrnoException).code === "ENOENT") segment = undefined;
    } finally {
      // In the same turn as the last look at what waits.
      writing = undefined;
    }
  }

  async function writeSome(): Promise<void> {
    if (segment !== undefined && roomFor(segment) === 0) segment = undefined;
    segment ??= await begin();
    const lines = waiting.splice(0, Math.max(1, roomFor(segment)));
    waitingBytes -= bytesOf(lines);
    const done = { bytes: 0 };
    const torn = segment.isTorn ? "\n" : "";
    try {
      await appendTo(segment, Buffer.concat([Buffer.from(torn), ...lines]), done);
    } finally {
      settle(segment, lines, { taken: done.bytes, torn: torn.length });
    }
    if (isTold) log.info({ folder, lost }, "history is written again");
    isTold = false;
  }

  /** How many of the lines that wait. */
  function roomFor({ bytes }: OpenSegment): number {
    let end = bytes;
    const first = waiting.findIndex(({ length }) => {
      end += length;
      return end > segmentBytes;
    });
    return first === -1 ? waiting.length : first;
  }

  async function appendTo(open: OpenSegment, bytes: Buffer, done: { bytes: number }): Promise<void> {
    const file = await openFile(open);
    try {
      while (done.bytes < bytes.length) {
        const taken = await append(file, bytes.subarray(done.bytes));
        if (taken === 0) throw new Error("the file takes no more");
        done.bytes += taken;
      }
    } finally {
      await file.close();
    }
  }

  // Opened each time: in a folder that has gone, or been replaced, an open file would be written to for nobody. And made
  // but once: one that somebody has removed, or packed, is not to come back under its number.
  async function openFile(wanted: OpenSegment): Promise<FileHandle> {
    const path = join(folder, plainName(wanted.number));
    const fresh = wanted.isThere ? 0 : O_CREAT | O_EXCL;
    const file = await open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | fresh, FILE_MODE);
    wanted.isThere = true;
    return file;
  }

  // What has got into the file must not come twice, nor the half of a line be taken for one.
  function settle(open: OpenSegment, lines: Buffer[], { taken, torn }: { taken: number; torn: number }): void {
    let end = torn;
    const rest = lines.findIndex(({ length }) => {
      end += length;
      return end > taken;
    });
    open.bytes += taken;
    if (rest === -1) {
      open.isTorn = false;
      return;
    }
    const whole = end - (lines[rest] as Buffer).length;
    if (taken > 0) open.isTorn = taken !== whole;
    waiting = [...lines.slice(rest), ...waiting];
    waitingBytes += bytesOf(lines.slice(rest));
    trim();
  }

  async function begin(): Promise<OpenSegment> {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const segments = segmentsOf(await filesIn(folder));
    // There must be room for a whole new segment, and for one that is just being packed.
    for (const { number } of surplus(segments, maxBytes - 2 * segmentBytes))
      for (const name of [plainName(number), packedName(number)]) await rm(join(folder, name), { force: true });
    lastNumber = nextNumber(segments, lastNumber);
    packing = packing.then(() => packBelow(lastNumber));
    return { number: lastNumber, bytes: 0, isThere: false, isTorn: false };
  }

  async function packBelow(number: number): Promise<void> {
    try {
      const files = await filesIn(folder);
      for (const name of unfinishedIn(files)) await rm(join(folder, name), { force: true });
      for (const segment of segmentsOf(files)) {
        if (!segment.isPlain || segment.number >= number) continue;
        if (!segment.isPacked) await packSegment(folder, segment.number);
        await rm(join(folder, plainName(segment.number)), { force: true });
      }
      isPackTold = false;
    } catch (error) {
      // It stays as it is, takes more room, and is tried again with the next one.
      if (!isPackTold) log.warn({ folder, reason: reasonOf(error) }, "history can't be packed");
      isPackTold = true;
    }
  }

  async function settled(): Promise<void> {
    await arouse({ isUrgent: true });
    await packing;
  }

  return {
    write(record) {
      if (isClosed) return;
      admit(record);
      void arouse();
    },
    open() {
      isOpen = true;
      void arouse();
    },
    get lost() {
      return lost;
    },
    settled,
    async [Symbol.asyncDispose]() {
      isClosed = true;
      // A disk that does not answer must not keep us.
      const late = new AbortController();
      await Promise.race([settled(), pause(LAST_MS, undefined, { signal: late.signal, ref: false })]).finally(() =>
        late.abort(),
      );
      if (isOpen && waiting.length > 0)
        log.warn({ folder, lost: lost + waiting.length }, "history lacks what came last");
    },
  };
}

function bytesOf(lines: readonly Buffer[]): number {
  return lines.reduce((sum, { length }) => sum + length, 0);
}

/** Under another name until it is whole and on the disk: from then on the plain one is not needed. */
async function packSegment(folder: string, number: number): Promise<void> {
  const plain = join(folder, plainName(number));
  const unfinished = join(folder, unfinishedName(number));
  // Its age may have been up meanwhile.
  const bytes = await readFile(plain).catch(ifGone(undefined));
  if (bytes === undefined) return;
  const { mtime } = await stat(plain);
  // What has this name and is no file of ours is not written through: it may be a link to anywhere.
  await rm(unfinished, { force: true });
  const file = await open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    await file.writeFile(await pack(bytes));
    // So that it is as old as what is in it.
    await file.utimes(mtime, mtime);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, join(folder, packedName(number)));
}
