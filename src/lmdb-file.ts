// The file of an LMDB store, looked at before it is opened: LMDB trusts its file, and what is broken in it may end the process.
import { closeSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { reasonOf } from "./errors.ts";

export const LMDB_PAGE_BYTES = 4_096;
/** The number in the two first pages, behind their headers; see `MDB_MAGIC` of LMDB. */
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;

/** Why a file is no store; undefined for one that is absent or looks like one. It begins with two pages of the same form. */
export function faultOfLmdbFile(path: string): string | undefined {
  const bytes = Buffer.alloc(2 * LMDB_PAGE_BYTES);
  let size: number;
  try {
    const file = openSync(path, "r");
    size = readSync(file, bytes);
    closeSync(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : reasonOf(error);
  }
  if (size === 0) return undefined;
  const isOne = [0, LMDB_PAGE_BYTES].every((page) => bytes.readUInt32LE(page + MAGIC_OFFSET) === MAGIC);
  return isOne ? undefined : "it is no LMDB file";
}

/** Keeps a store that can't be used under another name. @returns That name. */
export function setLmdbFileAside(path: string): string {
  const keptAs = `${path}.broken-${Date.now()}`;
  renameSync(path, keptAs);
  rmSync(`${path}-lock`, { force: true });
  return keptAs;
}
