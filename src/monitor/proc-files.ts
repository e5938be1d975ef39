// Reads files under /proc. What can't be read is undefined, whatever the reason: a process may end at any time, some of
// its files need permissions, and not every system has them.
import { closeSync, existsSync, openSync, read, readdirSync, readlinkSync, readSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";

export interface ProcFiles {
  /** A file of one record, such as `stat` or `io`: one read returns all of it, without waiting. */
  record(path: string): string | undefined;
  /** A file of one short record that may have to wait for the process, such as `smaps_rollup`; read in the thread pool. */
  slowRecord(path: string): Promise<string | undefined>;
  /** A file of any length, without blocking the event loop. */
  text(path: string): Promise<string | undefined>;
  bytes(path: string): Buffer | undefined;
  names(path: string): string[] | undefined;
  link(path: string): string | undefined;
  /** The number of entries of a folder. */
  count(path: string): number | undefined;
  has(path: string): boolean;
  isRegular(path: string): Promise<boolean>;
}

const readOnce = promisify(read);

/** A smaps_rollup has about 800. */
const SLOW_RECORD_BYTES = 4 * 1024;

/** @param root - Where the process table is mounted; the paths are below it. */
export function createProcFiles(root: string): ProcFiles {
  // One buffer for all files, since these have no size; readFileSync takes 1.5 times as long.
  let buffer = Buffer.allocUnsafe(16 * 1024);
  // Since Linux 6.2 the size of an `fd` folder is the number of its entries.
  const countsEntries = ifThere(() => statSync(`${root}/self/fd`).size > 0 && statSync(`${root}/self`).size === 0);

  function readRecord(path: string): string {
    const file = openSync(`${root}/${path}`, "r");
    try {
      let length = readSync(file, buffer, 0, buffer.length, null);
      // Only a full buffer may have cut the record short.
      while (length === buffer.length) {
        buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
        length += readSync(file, buffer, length, buffer.length - length, null);
      }
      return buffer.toString("latin1", 0, length);
    } finally {
      closeSync(file);
    }
  }

  // One round trip to the thread pool; readFile makes four, and allocates 64 KiB.
  async function readSlowRecord(path: string): Promise<string> {
    const file = openSync(`${root}/${path}`, "r");
    try {
      const { bytesRead, buffer } = await readOnce(
        file,
        Buffer.allocUnsafe(SLOW_RECORD_BYTES),
        0,
        SLOW_RECORD_BYTES,
        0,
      );
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      closeSync(file);
    }
  }

  const names = (path: string) => ifThere(() => readdirSync(`${root}/${path}`));

  return {
    record: (path) => ifThere(() => readRecord(path)),
    slowRecord: (path) => readSlowRecord(path).catch(() => undefined),
    text: (path) => readFile(`${root}/${path}`, "utf8").catch(() => undefined),
    bytes: (path) => ifThere(() => Buffer.from(readRecord(path), "latin1")),
    names,
    link: (path) => ifThere(() => readlinkSync(`${root}/${path}`)),
    count: (path) => (countsEntries ? ifThere(() => statSync(`${root}/${path}`).size) : names(path)?.length),
    has: (path) => existsSync(`${root}/${path}`),
    isRegular: (path) =>
      stat(`${root}/${path}`).then(
        (entry) => entry.isFile(),
        () => false,
      ),
  };
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
