// Packs the complete segments of a history, one after the other. A packed file has another name until it is complete and on
// the disk; only then is the plain one removed. A segment that can't be packed stays as it is, and is tried again with the
// next one.
import { constants } from "node:fs";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { filesIn, ifGone } from "./folder.ts";
import { packedName, plainName, segmentsOf, unfinishedIn, unfinishedName } from "./segments.ts";

/** Only the provider's own user may read the files. */
export const FILE_MODE = 0o600;
const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;

const compress = promisify(gzip);

export interface Packer {
  /** Packs the plain segments below this number, after those of earlier calls. Never throws. */
  packBelow(number: number): void;
  /** Resolves when nothing is left to pack. */
  settled(): Promise<void>;
}

export function createPacker(folder: string, log: Log): Packer {
  let packing = Promise.resolve();
  let hasWarned = false;

  async function pack(number: number): Promise<void> {
    try {
      const files = await filesIn(folder);
      for (const name of unfinishedIn(files)) await rm(join(folder, name), { force: true });
      for (const segment of segmentsOf(files)) {
        if (!segment.isPlain || segment.number >= number) continue;
        if (!segment.isPacked) await packSegment(folder, segment.number);
        await rm(join(folder, plainName(segment.number)), { force: true });
      }
      hasWarned = false;
    } catch (error) {
      if (!hasWarned) log.warn({ folder, reason: reasonOf(error) }, "history can't be packed");
      hasWarned = true;
    }
  }

  return {
    packBelow(number) {
      packing = packing.then(() => pack(number));
    },
    settled: () => packing,
  };
}

async function packSegment(folder: string, number: number): Promise<void> {
  const plain = join(folder, plainName(number));
  const unfinished = join(folder, unfinishedName(number));
  // It may have been removed for its age meanwhile.
  const bytes = await readFile(plain).catch(ifGone(undefined));
  if (bytes === undefined) return;
  const { mtime } = await stat(plain);
  // An existing file of this name is removed, not written to: it may be a link to anywhere.
  await rm(unfinished, { force: true });
  const file = await open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    await file.writeFile(await compress(bytes));
    // As old as its records: segmentsSince() goes by the time of the last change.
    await file.utimes(mtime, mtime);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, join(folder, packedName(number)));
}
