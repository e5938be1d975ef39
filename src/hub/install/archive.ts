// Unpacks an archive whose hash was checked into an empty folder, and packs a folder into one. Nothing of an archive is run, no
// link and no device is made, and no owner or mode of it but that of its user is kept.

import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { create, type ReadEntry, Unpack } from "tar";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { MAX_UNPACKED_BYTES } from "./bounds.ts";
import { createEntryJudge } from "./entries.ts";
import { sizeError } from "./manifest.ts";

/** Each entry has a header and is filled up to 512 bytes. */
const MAX_TAR_BYTES = MAX_UNPACKED_BYTES + 32 * 2 ** 20;

/**
 * @param folder - There is nothing in it; after a refusal it holds what was written before.
 * @throws {ZcontextError} `ERR_INSTALL_LINK`, `ERR_INSTALL_PATH`, `ERR_INSTALL_SIZE`, or `ERR_INSTALL_ARCHIVE` for what is no
 *   whole archive.
 */
export async function unpack(archive: string, folder: string): Promise<void> {
  const judge = createEntryJudge();
  let refusal: unknown;
  const isTaken = (entry: { path: string; type: string; size: number }) => {
    try {
      if (refusal === undefined) judge(entry);
    } catch (error) {
      refusal = error;
    }
    return refusal === undefined;
  };
  const unpacking = new Unpack({
    cwd: folder,
    strict: true,
    noMtime: true,
    preserveOwner: false,
    chmod: false,
    umask: 0o022,
    brotli: false,
    zstd: false,
    filter(_, entry) {
      const header = entry as ReadEntry;
      header.mode = usualMode(header.mode ?? 0);
      return isTaken(header);
    },
  });
  // The library passes over kinds that it does not know without asking the filter.
  unpacking.on("ignoredEntry", isTaken);
  // After an error there is no other end.
  const ended = new Promise<void>((resolve) => {
    unpacking.once("close", resolve);
    unpacking.on("error", (error) => {
      refusal ??= error;
      resolve();
    });
  });
  try {
    await feed(archive, unpacking, () => refusal);
  } catch (error) {
    refusal ??= error;
  }
  unpacking.end();
  await ended;
  if (refusal !== undefined) throw asRefusal(refusal);
}

/** What its user may run stays so; setuid and what lets others write go. */
function usualMode(mode: number): number {
  return (mode & 0o100) === 0 ? 0o644 : 0o755;
}

/** The first bytes of what is compressed, which the library would decompress a second time, without our bound. */
const GZIP = Buffer.from([0x1f, 0x8b]);

/** @param stopReason - What to end for; undefined as long as there is nothing. */
async function feed(archive: string, unpacking: Unpack, stopReason: () => unknown): Promise<void> {
  let bytes = 0;
  let isOver = false;
  unpacking.once("eof", () => {
    isOver = true;
  });
  const source = createReadStream(archive);
  const tar = source.pipe(createGunzip());
  source.on("error", (error) => tar.destroy(error));
  try {
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      if (bytes === 0 && chunk.subarray(0, GZIP.length).equals(GZIP)) throw new Error("it is compressed twice");
      bytes += chunk.length;
      if (bytes > MAX_TAR_BYTES) throw sizeError("the unpacked archive", undefined, MAX_UNPACKED_BYTES);
      const isFull = !unpacking.write(chunk);
      if (isFull && !isOver && stopReason() === undefined) await drained(unpacking);
      // What comes after the end of the archive counts for nothing.
      if (isOver || stopReason() !== undefined) return;
    }
  } finally {
    source.destroy();
  }
}

function drained(unpacking: Unpack): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["drain", "eof", "error"]) unpacking.once(event, () => resolve());
  });
}

function asRefusal(error: unknown): unknown {
  if (error instanceof ZcontextError) return error;
  return new ZcontextError("ERR_INSTALL_ARCHIVE", `the archive can't be unpacked: ${reasonOf(error)}`, {
    hint: "It has to be a tar archive compressed with gzip, as `tar -czf` makes it.",
    cause: error,
  });
}

/** Packs a folder: the same bytes for the same files. */
export async function pack(folder: string, archive: string): Promise<void> {
  await create({ cwd: folder, file: archive, gzip: true, portable: true, follow: true, mtime: new Date(0) }, ["."]);
}
