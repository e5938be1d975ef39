// Reads a history, also while a provider writes to it. Holds a piece of one file at a time.
import { constants, type ReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { reasonOf } from "../errors.ts";
import { createLineSplitter } from "../protocol/lines.ts";
import { filesIn } from "./folder.ts";
import { type HistoryRecord, MAX_LINE_LENGTH, readRecord, timeOf } from "./records.ts";
import { packedName, plainName, type Segment, segmentsOf, segmentsSince } from "./segments.ts";

export interface ReadOptions {
  /** Older records are left out. */
  sinceMs?: number;
  /** Called for a file that holds no records, or can't be read to its end. */
  onFault?(file: string, reason: string): void;
}

const PIECE_BYTES = 64 * 1_024;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * All records since a time, the oldest first; those written during the reading may be among them. A folder that does not
 * exist holds none.
 *
 * @throws the error of the file system for a folder that can't be read.
 */
export async function* readHistory(
  folder: string,
  { sinceMs = Number.NEGATIVE_INFINITY, onFault = () => {} }: ReadOptions = {},
): AsyncGenerator<HistoryRecord, void, undefined> {
  for (const segment of segmentsSince(segmentsOf(await filesIn(folder)), sinceMs)) {
    for await (const records of readSegment(folder, segment, onFault))
      for (const record of records) if (timeOf(record) >= sinceMs) yield record;
  }
}

// The segment may have been packed since the folder was listed, so the packed file is tried next; or both files may have
// been removed for their age.
async function* readSegment(
  folder: string,
  { number, isPlain }: Segment,
  onFault: (file: string, reason: string) => void,
): AsyncGenerator<HistoryRecord[], void, undefined> {
  const names = [...(isPlain ? [plainName(number)] : []), packedName(number)];
  for (const file of names.map((name) => join(folder, name))) {
    const count = { lines: 0, records: 0 };
    try {
      for await (const lines of linesOf(file)) {
        const records = lines.flatMap((line) => readRecord(line) ?? []);
        count.lines += lines.filter((line) => line !== "").length;
        count.records += records.length;
        yield records;
      }
      if (count.lines > 0 && count.records === 0) onFault(file, "no line of it is a record");
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return onFault(file, reasonOf(error));
    }
  }
}

/** Whole lines, some at a time. A line without an end is still being written, or was cut off for good. */
async function* linesOf(file: string): AsyncGenerator<string[], void, undefined> {
  let lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line), MAX_LINE_LENGTH);
  // O_NONBLOCK: opening a named pipe that has been put there since would block for ever, and so would this process.
  const opened = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const source = opened.createReadStream({ highWaterMark: PIECE_BYTES }) as ReadStream;
  try {
    for await (const piece of textOf(source, file.endsWith(".gz"))) {
      splitter.push(piece);
      yield lines;
      lines = [];
    }
  } finally {
    source.destroy();
  }
}

async function* textOf(source: ReadStream, isPacked: boolean): AsyncGenerator<string, void, undefined> {
  if (!isPacked) {
    source.setEncoding("utf8");
    yield* source as AsyncIterable<string>;
    return;
  }
  const unpacked = createGunzip({ chunkSize: PIECE_BYTES }).setEncoding("utf8");
  source.on("error", (error) => unpacked.destroy(error));
  try {
    yield* source.pipe(unpacked) as AsyncIterable<string>;
  } finally {
    unpacked.destroy();
  }
}
