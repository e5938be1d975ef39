// The files of a history's folder as they are found; any of them may go while one looks.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FoundFile } from "./segments.ts";

const AT_ONCE = 64;

/**
 * The files of a folder; none where it is not there.
 *
 * @throws what else the system says.
 */
export async function filesIn(folder: string): Promise<FoundFile[]> {
  const names = await readdir(folder).catch(ifGone<string[]>([]));
  const found: FoundFile[] = [];
  // All of a large folder at once would hold up everybody, and take half a gigabyte.
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = await Promise.all(names.slice(from, from + AT_ONCE).map((name) => fileAt(folder, name)));
    for (const file of some) if (file !== undefined) found.push(file);
  }
  return found;
}

async function fileAt(folder: string, name: string): Promise<FoundFile | undefined> {
  const file = await lstat(join(folder, name)).catch(ifGone(undefined));
  // Reading a pipe that somebody has put there would never end.
  return file?.isFile() ? { name, bytes: file.size, changedMs: file.mtimeMs } : undefined;
}

/** For who knows what to do without a file that has gone. */
export function ifGone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
