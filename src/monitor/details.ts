// Reads the lists of a process that only a `top` request asks for, since they may be long: connections, open files, memory
// maps.
import { type MemoryMap, parseMaps } from "./memory.ts";
import { type OpenFile, parseFdInfo } from "./open-files.ts";
import type { ProcFiles } from "./proc-files.ts";
import type { SocketReader } from "./socket-reader.ts";
import type { Address } from "./sockets.ts";

/** The options of a `top` request. */
export interface DetailsWanted {
  open_connections?: boolean;
  opened_files?: boolean;
  memory_maps?: boolean;
}

/** An entry as it travels: an object for each member, in the order of the original. */
export type Row = Record<string, string | number | Address>[];

/** The lists that were asked for; one that may not be read is left out. */
export type ProcessDetails = {
  /** `fd, family, type, laddr, raddr, status` of each connection. */
  connections?: Row[];
  /** `path, fd, position, mode, flags` of each regular file. */
  opened_files?: Row[];
  /** `path, rss, size, …` of all that is mapped of one path, in bytes. */
  memory_map?: Row[];
};

export interface DetailsSources {
  files: ProcFiles;
  sockets: SocketReader;
}

export async function readDetails(
  pid: number,
  { open_connections, opened_files, memory_maps }: DetailsWanted,
  { files, sockets, atMs }: DetailsSources & { atMs: number },
): Promise<ProcessDetails> {
  const details: ProcessDetails = {};

  if (open_connections) {
    const held = await sockets.read(pid, atMs, 0);
    if (held !== undefined) details.connections = held.map(({ fd, connection }) => asRow({ fd, ...connection }));
  }
  if (opened_files) {
    const open = await readOpenFiles(pid, files);
    if (open !== undefined) details.opened_files = open.map(asRow);
  }
  if (memory_maps) {
    const maps = await readMaps(pid, files);
    if (maps !== undefined) details.memory_map = maps.map(asRow);
  }
  return details;
}

async function readOpenFiles(pid: number, files: ProcFiles): Promise<OpenFile[] | undefined> {
  const names = files.names(`${pid}/fd`);
  if (names === undefined) return undefined;
  const open: OpenFile[] = [];
  for (const name of names) {
    // A descriptor without a path is no file. Its kind is asked last: stat() may wait for a disk.
    const path = files.link(`${pid}/fd/${name}`);
    if (!path?.startsWith("/") || !(await files.isRegular(`${pid}/fd/${name}`))) continue;
    const info = parseFdInfo(files.record(`${pid}/fdinfo/${name}`) ?? "");
    if (info !== undefined) open.push({ path, fd: Number(name), ...info });
  }
  return open;
}

// Opening `smaps` succeeds for every process that is visible; without permission, reading fails or finds nothing.
async function readMaps(pid: number, files: ProcFiles): Promise<MemoryMap[] | undefined> {
  const text = await files.text(`${pid}/smaps`);
  return text === undefined ? undefined : parseMaps(text);
}

function asRow(entry: object): Row {
  return Object.entries(entry).map(([name, value]) => ({ [name]: value }));
}
