// Lists the files of a log folder, and opens one whatever its name has become: a file is rotated at any moment.
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type LogFile, type LogFiles, logFilesOf } from "./files.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
const AT_ONCE = 64;
/** So often a folder is listed again when files were rotated meanwhile. */
const LISTINGS = 8;

/**
 * The regular files of a folder; none where it does not exist.
 *
 * @throws any other error of the file system.
 */
export async function filesIn(folder: string): Promise<LogFile[]> {
  const names = await namesIn(folder);
  const found: LogFile[] = [];
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = await Promise.all(names.slice(from, from + AT_ONCE).map((name) => fileAt(folder, name)));
    for (const file of some) if (file !== undefined) found.push(file);
  }
  return found;
}

export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

async function fileAt(folder: string, name: string): Promise<LogFile | undefined> {
  try {
    const file = await lstat(join(folder, name));
    return file.isFile() ? { name, bytes: file.size, changedMs: file.mtimeMs, identity: identityOf(file) } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The inode alone may come again once a file is removed. */
function identityOf({ dev, ino, birthtimeMs }: { dev: number; ino: number; birthtimeMs: number }): string {
  return `${dev}:${ino}:${birthtimeMs}`;
}

/** What there is at one moment: no file is missing that was rotated while the folder was listed. */
export async function snapshotOf(folder: string): Promise<LogFiles[]> {
  let files = await filesIn(folder);
  for (let count = 1; count < LISTINGS; count += 1) {
    const again = await filesIn(folder);
    if (isSame(files, again)) break;
    files = again;
  }
  return logFilesOf(files);
}

function isSame(some: readonly LogFile[], others: readonly LogFile[]): boolean {
  const placesOf = (files: readonly LogFile[]) => new Set(files.map(({ name, identity }) => `${name} ${identity}`));
  const [known, now] = [placesOf(some), placesOf(others)];
  return known.size === now.size && [...known].every((place) => now.has(place));
}

/** Opens a file that was listed; undefined where it has been removed. */
export async function openFile(folder: string, { name, identity }: LogFile): Promise<FileHandle | undefined> {
  const present = await openAs(folder, name, identity);
  if (present !== undefined) return present;
  const moved = (await filesIn(folder)).find((file) => file.identity === identity);
  return moved && openAs(folder, moved.name, identity);
}

async function openAs(folder: string, name: string, identity: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: opening a named pipe that has been put there would block for ever, and so would this process.
    file = await open(join(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (identityOf(await file.stat()) === identity) return file;
  await file.close();
  return undefined;
}
