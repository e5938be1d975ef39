// The files that lines are appended to, one for each task: made, mended where the last line is cut off, and rotated when they
// are long enough.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { activeName, numbersOf, type Retention, rotatedName } from "./files.ts";
import { namesIn } from "./folder.ts";

/** What is known of the end of a file. */
export interface FileEnd {
  /** Its last line is cut off; undefined before the first write. */
  isTorn: boolean | undefined;
}

/** Writes at the end of a file; returns how many bytes were written. */
export type Append = (file: FileHandle, bytes: Buffer) => Promise<number>;

export interface ActiveFilesOptions {
  folder: string;
  /** As it holds now. */
  retention(): Pick<Retention, "fileBytes" | "files">;
  append?: Append | undefined;
}

export interface ActiveFiles {
  /**
   * Appends whole lines.
   *
   * @param onWritten - Told how many bytes are in the file, piece by piece: after an error some may be.
   */
  append(channel: string, end: FileEnd, bytes: Buffer, onWritten: (count: number) => void): Promise<void>;
}

/** Only the provider's own user may read the logs: they may hold anything. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;

export function createActiveFiles({
  folder,
  retention,
  append = async (file, bytes) => (await file.write(bytes)).bytesWritten,
}: ActiveFilesOptions): ActiveFiles {
  async function appendWhole(file: FileHandle, bytes: Buffer, onWritten: (count: number) => void): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const count = await append(file, bytes.subarray(done));
      if (count === 0) throw new Error("the file takes no more");
      done += count;
      onWritten(count);
    }
  }

  // Opened for each write: after the folder was removed or replaced, an open file would no longer be found by a reader.
  async function openFor(channel: string, known: FileEnd, bytes: number): Promise<FileHandle> {
    const file = await openActive(channel);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error(`${activeName(channel)} is not a file`);
      known.isTorn ??= await isTorn(file, found.size);
      if (found.size === 0 || found.size + bytes <= retention().fileBytes) return file;
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    await rotate(channel);
    known.isTorn = false;
    return openActive(channel);
  }

  async function openActive(channel: string): Promise<FileHandle> {
    const path = join(folder, activeName(channel));
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    return open(path, flags, FILE_MODE).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
      return open(path, flags, FILE_MODE);
    });
  }

  async function rotate(channel: string): Promise<void> {
    const numbers = numbersOf(channel, await namesIn(folder));
    await rename(join(folder, activeName(channel)), join(folder, rotatedName(channel, (numbers.at(-1) ?? 0) + 1)));
    // The one that was just rotated, and the one that begins, count as well.
    for (const number of numbers.slice(0, Math.max(0, numbers.length + 2 - retention().files)))
      await rm(join(folder, rotatedName(channel, number)), { force: true });
  }

  return {
    async append(channel, known, bytes, onWritten) {
      await using file = await openFor(channel, known, bytes.length);
      if (known.isTorn) await appendWhole(file, Buffer.from("\n"), () => {});
      known.isTorn = false;
      await appendWhole(file, bytes, onWritten);
    },
  };
}

async function isTorn(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== 0x0a;
}
