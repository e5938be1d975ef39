// Tells whether the code that a run was launched with is what a run would be launched with now. Contents decide: a file that
// was only touched, or written as it was, is the same code.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { traceOrigin } from "./compile.ts";
import { hashAt, isCurrent, isWrittenSince, type Origin } from "./origin.ts";

/** Whether code has changed since it was traced. */
export type HasChanged = () => Promise<boolean>;

/** Files up to this size are compared by what they hold, others by size, time and inode. */
const MAX_HASHED_BYTES = 1024 * 1024;

/** Of a module that was compiled: what it was made from is known. */
export function traceCompiled(origin: Origin): HasChanged {
  return async () => !isCurrent(origin);
}

/**
 * Of a module that runs as it is. What it imports is looked up at the first question, for that takes a compiler: until
 * then a file that it imports counts as changed where it was written since.
 *
 * @param sinceMs - When it was about to be loaded.
 */
export function traceLoaded(source: string, sinceMs: number): HasChanged {
  const own = hashAt(source);
  let origin: Promise<Origin> | undefined;
  let wasWritten: boolean | undefined;
  return async () => {
    if (hashAt(source) !== own) return true;
    origin ??= traceOrigin(source);
    const { contents, places } = await origin;
    wasWritten ??= isWrittenSince({ contents: contents.filter(([path]) => path !== source), places }, sinceMs);
    return wasWritten || !isCurrent({ contents, places });
  };
}

/** Of a program, and of those of its arguments that name files: `python3 worker.py`. */
export function traceProgram(path: string, words: readonly string[], folder: string): HasChanged {
  const files = [path, ...words.map((word) => resolve(folder, word))].filter(isFile);
  const before = files.map(signatureOf);
  return async () => files.some((file, index) => signatureOf(file) !== before[index]);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function signatureOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) return null;
  const { size, mtimeMs, ino } = found;
  return size <= MAX_HASHED_BYTES ? hashAt(path) : `${size} ${mtimeMs} ${ino}`;
}
