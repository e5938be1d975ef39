// Names the files of a history, and decides which are read and which are removed. A segment is appended to until it is long
// enough; then it is packed under another name, and the plain file is removed. Where both exist, the process was killed in
// between, and they hold the same. Pure.
import { MIB_BYTES } from "../units.ts";

/** A file of the folder. */
export interface FoundFile {
  name: string;
  bytes: number;
  /** When it was last written to. */
  changedMs: number;
}

/** The files of one number. */
export interface Segment {
  number: number;
  isPlain: boolean;
  isPacked: boolean;
  /** Of both together. */
  bytes: number;
  /** No record of it is younger. */
  changedMs: number;
}

const DIGITS = 8;
/** A file with a higher number is not part of a history. */
const MAX_NUMBER = 999_999_999_999_999;
const NAME = /^(\d{8,15})\.ndjson(\.gz)?(\.tmp)?$/;
/** The time stamps of a file system are behind the clock, by two seconds on a coarse one. */
const COARSE_MS = 2_000;

/** A large history has so many segments; with more of them even listing the folder would take long. */
const MANY = 1_024;
const MOST_BYTES = 64 * MIB_BYTES;
/** A small history has at least so many. */
const FEW = 8;

/** How long a segment becomes, where all together take at most `maxBytes`. */
export function segmentBytesOf(maxBytes: number): number {
  const wanted = Math.min(MOST_BYTES, Math.max(MIB_BYTES, Math.floor(maxBytes / MANY)));
  return Math.min(wanted, Math.floor(maxBytes / FEW));
}

export function plainName(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}.ndjson`;
}

export function packedName(number: number): string {
  return `${plainName(number)}.gz`;
}

/** The name of a packed file until it is complete. */
export function unfinishedName(number: number): string {
  return `${packedName(number)}.tmp`;
}

/** Each segment once, the oldest first; other files and unfinished ones are left out. */
export function segmentsOf(files: readonly FoundFile[]): Segment[] {
  const found = new Map<number, Segment>();
  for (const { name, bytes, changedMs } of files) {
    const [, digits = "", packed, unfinished] = NAME.exec(name) ?? [];
    if (digits === "" || unfinished !== undefined) continue;
    const number = Number(digits);
    const before = found.get(number) ?? { number, isPlain: false, isPacked: false, bytes: 0, changedMs: 0 };
    found.set(number, {
      number,
      isPlain: before.isPlain || packed === undefined,
      isPacked: before.isPacked || packed !== undefined,
      bytes: before.bytes + bytes,
      changedMs: Math.max(before.changedMs, changedMs),
    });
  }
  return [...found.values()].sort((one, other) => one.number - other.number);
}

/** Packed files whose writer was killed before they were complete. */
export function unfinishedIn(files: readonly FoundFile[]): string[] {
  return files.flatMap(({ name }) => (NAME.exec(name)?.[3] === undefined ? [] : [name]));
}

/**
 * The number of a new segment: higher than all that exist, and than `last`.
 *
 * @throws {Error} when all numbers are used.
 */
export function nextNumber(segments: readonly Segment[], last = 0): number {
  const number = Math.max(last, segments.at(-1)?.number ?? 0) + 1;
  if (number > MAX_NUMBER) throw new Error(`no number comes after that of ${plainName(number - 1)}: remove it`);
  return number;
}

/** The oldest segments, without which the others take at most `maxBytes`. */
export function surplus(segments: readonly Segment[], maxBytes: number): Segment[] {
  let kept = 0;
  const first = segments.findLastIndex(({ bytes }) => {
    kept += bytes;
    return kept > maxBytes;
  });
  return segments.slice(0, first + 1);
}

/**
 * The segments that may hold a record of then or later. The time of the last change decides, not the order: a clock may
 * have been set back between two of them.
 */
export function segmentsSince(segments: readonly Segment[], sinceMs: number): Segment[] {
  return segments.filter(({ changedMs }) => changedMs + COARSE_MS >= sinceMs);
}
