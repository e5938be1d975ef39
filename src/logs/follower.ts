// Follows the logs of a context: what is written from a moment on, across rotation, and across the removal of files or of
// the whole folder. Woken by the file system where that tells of changes; looked at now and then where it does not.
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import type { LogFile, LogFiles } from "./files.ts";
import { openFile, snapshotOf } from "./folder.ts";
import { readAt, splitLines } from "./reader.ts";
import { type LogRecord, readRecord } from "./records.ts";

export interface FollowOptions {
  signal: AbortSignal;
  /** Called once for each fault that lasts. */
  onFault?(error: unknown): void;
  /** Follows the files of this task alone, as `channelOf` has it. */
  channel?: string | undefined;
  /** How often it looks without having been told of a change, in milliseconds. Default 1_000. */
  lookMs?: number;
}

const PIECE_BYTES = 1024 * 1024;

/** Where a file has been read to. */
interface Place {
  at: number;
  /** The beginning of a line whose end is still to come. */
  rest: Buffer<ArrayBuffer>;
}

/** @param from - What has been read already; all that is behind it follows, ordered by time as far as it comes together. */
export async function* follow(
  folder: string,
  from: readonly LogFiles[],
  { signal, channel, onFault = () => {}, lookMs = 1_000 }: FollowOptions,
): AsyncGenerator<LogRecord[]> {
  let places = new Map(
    from.flatMap(({ files }) => files.map(({ identity, bytes }) => [identity, begin(bytes)] as const)),
  );
  let isTold = false;
  using bell = createBell(folder, signal, lookMs);
  while (!signal.aborted) {
    const rung = bell.next();
    const records: LogRecord[] = [];
    try {
      const meant = (await snapshotOf(folder)).filter((own) => channel === undefined || own.channel === channel);
      const files = meant.flatMap((own) => own.files);
      // Nothing of a file that is gone is kept.
      places = new Map(files.map(({ identity }) => [identity, places.get(identity) ?? begin(0)]));
      for (const file of files) await readOn(folder, file, places.get(file.identity) as Place, records);
      isTold = false;
    } catch (error) {
      if (!isTold) onFault(error);
      isTold = true;
    }
    // Stable: lines of one task stay in their order.
    if (records.length > 0)
      yield records.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
    else await rung;
  }
}

function begin(at: number): Place {
  return { at, rest: Buffer.alloc(0) };
}

async function readOn(folder: string, listed: LogFile, place: Place, records: LogRecord[]): Promise<void> {
  // It was emptied.
  if (listed.bytes < place.at) Object.assign(place, begin(0));
  if (listed.bytes === place.at) return;
  await using file = await openFile(folder, listed);
  if (file === undefined) return;
  while (place.at < listed.bytes) {
    const piece = await readAt(file, place.at, Math.min(PIECE_BYTES, listed.bytes - place.at));
    if (piece.length === 0) return;
    place.at += piece.length;
    const split = splitLines(Buffer.concat([place.rest, piece]));
    place.rest = split.rest;
    for (const line of split.lines) {
      const record = readRecord(line);
      if (record !== undefined) records.push(record);
    }
  }
}

interface Bell extends Disposable {
  /** Resolves at the next change, or when it is time to look; asked for before looking, so that no change is missed. */
  next(): Promise<void>;
}

function createBell(folder: string, signal: AbortSignal, lookMs: number): Bell {
  let watcher: FSWatcher | undefined;
  let watched: string | undefined;
  let wake = () => {};
  const ring = () => wake();
  signal.addEventListener("abort", ring);

  function unwatch(): void {
    watcher?.close();
    watcher = undefined;
    watched = undefined;
  }

  // A folder that was replaced is another one, under the same name.
  async function watchPresent(): Promise<void> {
    const found = await stat(folder).catch(() => undefined);
    const present = found && `${found.dev}:${found.ino}`;
    if (present === watched && watcher !== undefined) return;
    unwatch();
    if (present === undefined || signal.aborted) return;
    try {
      // Where there are too many watches, it is looked at all the same.
      watcher = watch(folder, { persistent: false }, ring).on("error", unwatch);
      watched = present;
      ring();
    } catch {
      unwatch();
    }
  }

  return {
    next() {
      return new Promise((resolve) => {
        const timer = setTimeout(() => wake(), lookMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (signal.aborted) wake();
        void watchPresent();
      });
    },
    [Symbol.dispose]() {
      signal.removeEventListener("abort", ring);
      wake();
      unwatch();
    },
  };
}
