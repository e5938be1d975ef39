// Reads the logs of a context, also while a provider writes to them: forward from a time on, or backward from the end, the
// tasks merged by time. Holds a piece of one file of each task at a time.
import type { FileHandle } from "node:fs/promises";
import type { LogFile, LogFiles } from "./files.ts";
import { openFile } from "./folder.ts";
import { type LogRecord, MAX_LINE_BYTES, readRecord } from "./records.ts";

const PIECE_BYTES = 64 * 1_024;
/** The time stamps of a file system are behind the clock, by two seconds on a coarse one. */
const COARSE_MS = 2_000;
const NEWLINE = 0x0a;

export interface ReadOptions {
  /** Files that hold nothing younger are left out, and so are older records; in milliseconds since 1970. */
  sinceMs?: number | undefined;
  /** Called for a file that can't be read to its end. */
  onFault?(file: string, error: unknown): void;
}

/** The records of a snapshot, the oldest first. */
export function readForward(
  folder: string,
  snapshot: readonly LogFiles[],
  options: ReadOptions = {},
): AsyncGenerator<LogRecord> {
  return merged(
    snapshot.map(({ files }) => recordsOf(folder, files, readRecord, options, piecesForward)),
    (one, other) => one.time < other.time,
  );
}

/** The records of a snapshot, the youngest first. */
export function readBackward(
  folder: string,
  snapshot: readonly LogFiles[],
  options: ReadOptions = {},
): AsyncGenerator<LogRecord> {
  return merged(
    snapshot.map(({ files }) => recordsOf(folder, files.toReversed(), readRecord, options, piecesBackward)),
    (one, other) => one.time > other.time,
  );
}

/** What the files of one channel say, the oldest first, by what a line means to the caller. */
export function readChannel<T extends { time: string }>(
  folder: string,
  files: readonly LogFile[],
  readLine: (line: string) => T | undefined,
  options: ReadOptions = {},
): AsyncGenerator<T> {
  return recordsOf(folder, files, readLine, options, piecesForward);
}

type Pieces = (file: FileHandle, bytes: number) => AsyncGenerator<string[]>;

async function* recordsOf<T extends { time: string }>(
  folder: string,
  files: readonly LogFile[],
  readLine: (line: string) => T | undefined,
  { sinceMs = Number.NEGATIVE_INFINITY, onFault = () => {} }: ReadOptions,
  piecesOf: Pieces,
): AsyncGenerator<T> {
  const since = Number.isFinite(sinceMs) ? new Date(sinceMs).toISOString() : "";
  for (const listed of files) {
    if (listed.changedMs + COARSE_MS < sinceMs) continue;
    try {
      await using file = await openFile(folder, listed);
      if (file === undefined) continue;
      for await (const lines of piecesOf(file, listed.bytes))
        for (const line of lines) {
          const record = readLine(line);
          if (record !== undefined && record.time >= since) yield record;
        }
    } catch (error) {
      onFault(listed.name, error);
    }
  }
}

/** Whole lines, some at a time, up to a length of the file: what is behind it is read by whoever follows. */
async function* piecesForward(file: FileHandle, bytes: number): AsyncGenerator<string[]> {
  let rest = Buffer.alloc(0);
  for (let at = 0; at < bytes; ) {
    const piece = await readAt(file, at, Math.min(PIECE_BYTES, bytes - at));
    if (piece.length === 0) return;
    at += piece.length;
    const split = splitLines(Buffer.concat([rest, piece]));
    rest = split.rest;
    yield split.lines;
  }
}

async function* piecesBackward(file: FileHandle, bytes: number): AsyncGenerator<string[]> {
  /** The end of a line whose beginning is in front of what was read. */
  let rest = Buffer.alloc(0);
  for (let end = bytes; end > 0; ) {
    const begin = Math.max(0, end - PIECE_BYTES);
    const piece = await readAt(file, begin, end - begin);
    // The file has become shorter.
    if (piece.length < end - begin) return;
    const text = Buffer.concat([piece, rest]);
    const first = begin === 0 ? 0 : text.indexOf(NEWLINE) + 1;
    if (begin > 0 && first === 0) {
      rest = withinLine(text);
    } else {
      // A line without an end is still being written, or was cut off for good: only the last one of the file can be.
      yield splitLines(text.subarray(first)).lines.reverse();
      rest = text.subarray(0, first);
    }
    end = begin;
  }
}

/** Nothing of what is too long to be a record. */
function withinLine(open: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  return open.length > MAX_LINE_BYTES ? Buffer.alloc(0) : open;
}

/** Whole lines without their ends, and the beginning of the next one that is behind the last. */
export function splitLines(bytes: Buffer<ArrayBuffer>): { lines: string[]; rest: Buffer<ArrayBuffer> } {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const lines = bytes.toString("utf8", 0, end).split("\n");
  return { lines: lines.slice(0, -1), rest: withinLine(bytes.subarray(end)) };
}

export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Several sources as one, each in its own order: what is first among their heads comes first. */
async function* merged<T>(sources: AsyncGenerator<T>[], isBefore: (one: T, other: T) => boolean): AsyncGenerator<T> {
  const heads: { value: T; source: AsyncGenerator<T> }[] = [];

  async function advance(source: AsyncGenerator<T>): Promise<void> {
    const { value, done } = await source.next();
    if (done) return;
    // A later one goes behind those of the same time.
    let [low, high] = [0, heads.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(value, (heads[middle] as { value: T }).value)) high = middle;
      else low = middle + 1;
    }
    heads.splice(low, 0, { value, source });
  }

  try {
    for (const source of sources) await advance(source);
    for (let head = heads.shift(); head !== undefined; head = heads.shift()) {
      yield head.value;
      await advance(head.source);
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)));
  }
}
