// The files of a history: what they are called, which are to be read, which are to go. A segment is appended to
// until it is long enough; then it is packed, under another name, and the plain one goes. Where both are there, a process
// has been killed in between, and they say the same. Pure.

/** A file of the folder. */
export interface FoundFile {
  name: string;
  bytes: number;
  /** When it was written to last. */
  changedMs: number;
}

/** What is there under one number. */
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
/** A file that has a higher number would be none of ours. */
const MAX_NUMBER = 999_999_999_999_999;
const NAME = /^(\d{8,15})\.ndjson(\.gz)?(\.tmp)?$/;
/** The clock of a file system is behind ours, by two seconds where it is a coarse one. */
const COARSE_MS = 2_000;

const MIB_BYTES = 2 ** 20;
/** So many segments have room in a large history; of more the mere names take long to look through. */
const MANY = 1_024;
const MOST_BYTES = 64 * MIB_BYTES;
/** A short history has so many at least. */
const FEW = 8;

/** How long a segment becomes, where all together are no more than this. */
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

/** What a packed file is called until it is whole. */
export function unfinishedName(number: number): string {
  return `${packedName(number)}.tmp`;
}

/** Each segment once, the oldest first; files of others, and unfinished ones, are none. */
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

/** Files that somebody was killed over; nobody needs them. */
export function unfinishedIn(files: readonly FoundFile[]): string[] {
  return files.flatMap(({ name }) => (NAME.exec(name)?.[3] === undefined ? [] : [name]));
}

/**
 * The number of a new segment: higher than all that are there, and than the last one we had.
 *
 * @throws where there is none.
 */
export function nextNumber(segments: readonly Segment[], last = 0): number {
  const number = Math.max(last, segments.at(-1)?.number ?? 0) + 1;
  if (number > MAX_NUMBER) throw new Error(`no number comes after that of ${plainName(number - 1)}: remove it`);
  return number;
}

/** The oldest ones, which are to go so that the others are no more than this together. */
export function surplus(segments: readonly Segment[], maxBytes: number): Segment[] {
  let kept = 0;
  const first = segments.findLastIndex(({ bytes }) => {
    kept += bytes;
    return kept > maxBytes;
  });
  return segments.slice(0, first + 1);
}

/**
 * Those that may hold a record of then or later. When a file was changed last, and not where it stands, says so: a clock
 * may have been set back between two of them.
 */
export function segmentsSince(segments: readonly Segment[], sinceMs: number): Segment[] {
  return segments.filter(({ changedMs }) => changedMs + COARSE_MS >= sinceMs);
}
