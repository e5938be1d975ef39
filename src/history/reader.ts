// Reads a history, whether somebody writes to it meanwhile or not. Holds a piece of one file at a time.
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
  /** Nothing that is older. */
  sinceMs?: number;
  /** Is told of a file that is none of a history, or can't be read to its end. */
  onFault?(file: string, reason: string): void;
}

const PIECE_BYTES = 64 * 1_024;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * All records since a time, the oldest first. What is written while it is read may be among them. A folder that is not
 * there holds none.
 *
 * @throws what the system says of a folder that can't be read.
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

// It may be packed between our look at the folder and now, and then the plain one has gone; or both have, for their age.
// What has the name of a plain one, and was no file when we looked, hides no packed one.
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

/** Whole lines, some at a time: one that has no end is still being written, or will never be. */
async function* linesOf(file: string): AsyncGenerator<string[], void, undefined> {
  let lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line), MAX_LINE_LENGTH);
  // To open a pipe that has been put there since then would never end, and nor would the process that waits for that.
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
