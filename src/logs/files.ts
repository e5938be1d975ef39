// Names the files of a context's logs, and decides which of them are removed. A task has one file that is appended to,
// and older ones with rising numbers: `ts001.log`, and `ts001.log.7`, which is younger than `ts001.log.6`. Pure.
import { digestOf } from "../digest.ts";

/** A file of the folder. */
export interface LogFile {
  name: string;
  bytes: number;
  /** When it was last written to. */
  changedMs: number;
  /** Tells a file from every other one, whatever its name becomes. */
  identity: string;
}

/** The files of one task, the oldest first. */
export interface LogFiles {
  channel: string;
  files: readonly LogFile[];
}

/** How much is kept. */
export interface Retention {
  /** A file that would become longer is rotated, in bytes. */
  fileBytes: number;
  /** How many files a task has, with the one that is written to. */
  files: number;
  /** All files of the context together, in bytes. */
  totalBytes: number;
}

/** The ending of a folder that holds logs. */
export const LOGS_ENDING = ".logs";
/** The file of what happens to all tasks; no task's id leads to this name. */
export const EVENTS_CHANNEL = "+events";
/** Longer names don't fit into every file system. */
const MOST = 100;
const NAME = /^(.+)\.log(?:\.(\d{1,15}))?$/s;

/** What stands in front of `.log`: the task's id, with `%XX` for what a file name may not hold. */
export function channelOf(task: string): string {
  const safe = [...Buffer.from(task)]
    .map((byte, index) => (isSafe(byte, index) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`))
    .join("");
  return safe.length <= MOST ? safe : `${safe.slice(0, MOST)}-${digestOf(task, 8)}`;
}

function isSafe(byte: number, index: number): boolean {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(character) || (character === "." && index > 0);
}

export function activeName(channel: string): string {
  return `${channel}.log`;
}

export function rotatedName(channel: string, number: number): string {
  return `${activeName(channel)}.${number}`;
}

/** The files by their task; other files are left out. */
export function logFilesOf(files: readonly LogFile[]): LogFiles[] {
  const found = new Map<string, { file: LogFile; order: number }[]>();
  for (const file of files) {
    const [, channel, number] = NAME.exec(file.name) ?? [];
    if (channel === undefined) continue;
    const order = number === undefined ? Number.POSITIVE_INFINITY : Number(number);
    found.set(channel, [...(found.get(channel) ?? []), { file, order }]);
  }
  return [...found].map(([channel, some]) => ({
    channel,
    files: some.sort((one, other) => (one.order < other.order ? -1 : 1)).map(({ file }) => file),
  }));
}

/** The numbers of a task's older files, the lowest first. */
export function numbersOf(channel: string, names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const [, own, number] = NAME.exec(name) ?? [];
      return own === channel && number !== undefined ? [Number(number)] : [];
    })
    .sort((one, other) => one - other);
}

/** The files without which the others take at most `totalBytes`: those that were changed longest ago. */
export function surplusOf(files: readonly LogFile[], totalBytes: number): LogFile[] {
  const youngestFirst = [...files].sort((one, other) => other.changedMs - one.changedMs);
  let kept = 0;
  return youngestFirst.filter(({ bytes }, index) => {
    // What was written last stays, however long it is.
    if (index > 0 && kept + bytes > totalBytes) return true;
    kept += bytes;
    return false;
  });
}
