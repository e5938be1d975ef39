// Lists the files of a history's folder. Any of them may be removed meanwhile.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FoundFile } from "./segments.ts";

const AT_ONCE = 64;

/**
 * The files of a folder; none where the folder does not exist.
 *
 * @throws any other error of the file system.
 */
export async function filesIn(folder: string): Promise<FoundFile[]> {
  const names = await readdir(folder).catch(ifGone<string[]>([]));
  const found: FoundFile[] = [];
  // All of a large folder at once would occupy the thread pool, and take half a gigabyte.
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = await Promise.all(names.slice(from, from + AT_ONCE).map((name) => fileAt(folder, name)));
    for (const file of some) if (file !== undefined) found.push(file);
  }
  return found;
}

async function fileAt(folder: string, name: string): Promise<FoundFile | undefined> {
  const file = await lstat(join(folder, name)).catch(ifGone(undefined));
  // Regular files only: reading a named pipe would never end.
  return file?.isFile() ? { name, bytes: file.size, changedMs: file.mtimeMs } : undefined;
}

/** For `catch`: answers `instead` for a file that does not exist, and throws any other error. */
export function ifGone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
