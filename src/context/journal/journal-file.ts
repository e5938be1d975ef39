// What the file of a journal needs of the disk: a line is there whole or not at all, a name is never without a complete
// file, and a file that another process has changed is known.
import { closeSync, fsyncSync, ftruncateSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { formerPathOf } from "./state-files.ts";

/** The file that is written to, as of the last write. */
export interface OpenFile {
  fd: number;
  device: number;
  inode: number;
  bytes: number;
  /** From this length on it is begun anew. */
  limit: number;
}

/** Still under its name, and as long as we have left it. */
export function isOurs(path: string, { device, inode, bytes }: OpenFile): boolean {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    return there?.dev === device && there.ino === inode && there.size === bytes;
  } catch {
    return false;
  }
}

// A line that is cut off would make the whole file unreadable.
export function cut({ fd, bytes }: OpenFile): void {
  try {
    ftruncateSync(fd, bytes);
  } catch {
    // Then it is set aside at the next start, unless it can be renewed before.
  }
}

// Under another name first, so that there is no moment without a journal. A failure here does not matter: there may be
// no former journal, or a file system without links.
export function keepFormer(path: string): void {
  const spare = `${path}.1.tmp`;
  try {
    rmSync(spare, { force: true });
    linkSync(path, spare);
    renameSync(spare, formerPathOf(path));
  } catch {
    // Then the former journal is not kept.
  } finally {
    discard(spare);
  }
}

// A name is safe only once its folder is; there are file systems that can't be asked for that.
export function syncFolder(folder: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(folder, "r");
    fsyncSync(fd);
  } catch {
    // The rename has happened; only a loss of power could undo it.
  } finally {
    if (fd !== undefined) release(fd);
  }
}

export function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is overwritten the next time.
  }
}

export function release(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is closed all the same.
  }
}

/** Tells a file from every other one that there is now. */
export function placeOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}
