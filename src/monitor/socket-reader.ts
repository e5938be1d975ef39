// Joins the sockets that a process holds with the socket tables of its network namespace. Processes of one namespace share
// the tables, which are cached.
import { endianness } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { socketInode } from "./open-files.ts";
import type { ProcFiles } from "./proc-files.ts";
import {
  type Connection,
  findConnection,
  indexSockets,
  SOCKET_TABLES,
  type SocketTable,
  type SocketTableName,
} from "./sockets.ts";

export interface HeldConnection {
  fd: number;
  connection: Connection;
}

export interface SocketReader {
  /**
   * The connections of a process; a socket with several descriptors has the first one. Undefined when its files may not be
   * read.
   *
   * @param maxAgeMs - How old the tables may be; with 0, the processes that are read `atMs` share them.
   */
  read(pid: number, atMs: number, maxAgeMs?: number): Promise<HeldConnection[] | undefined>;
  /** Drops the tables that were not read lately. */
  forget(atMs: number): void;
}

interface Namespace {
  atMs: number;
  table: Promise<SocketTable | undefined>;
}

/** The tables may be long, and serve many processes, which are read one after the other. */
const TABLE_MAX_AGE_MS = 10_000;

/** Links read in one turn of the event loop, some 1 ms. */
const SLICE = 250;

export function createSocketReader(files: ProcFiles): SocketReader {
  const namespaces = new Map<string, Namespace>();

  async function readInodes(pid: number): Promise<Map<string, number> | undefined> {
    const names = files.names(`${pid}/fd`);
    if (names === undefined) return undefined;
    const inodes = new Map<string, number>();
    for (const [index, fd] of names.entries()) {
      if (index % SLICE === SLICE - 1) await nextTurn();
      const inode = socketInode(files.link(`${pid}/fd/${fd}`) ?? "");
      if (inode !== undefined && !inodes.has(inode)) inodes.set(inode, Number(fd));
    }
    return inodes;
  }

  async function tableOf(pid: number, atMs: number, maxAgeMs: number): Promise<SocketTable | undefined> {
    const name = files.link(`${pid}/ns/net`);
    if (name === undefined) return undefined;
    const known = namespaces.get(name);
    if (known !== undefined && atMs - known.atMs <= maxAgeMs) return known.table;
    const namespace = { atMs, table: readTable(pid) };
    namespaces.set(name, namespace);
    return namespace.table;
  }

  async function readTable(pid: number): Promise<SocketTable | undefined> {
    const texts: Partial<Record<SocketTableName, string>> = {};
    for (const name of SOCKET_TABLES) {
      const text = await files.text(`${pid}/net/${name}`);
      if (text !== undefined) texts[name] = text;
    }
    return Object.keys(texts).length === 0 ? undefined : indexSockets(texts);
  }

  return {
    async read(pid, atMs, maxAgeMs = TABLE_MAX_AGE_MS) {
      const inodes = await readInodes(pid);
      if (inodes === undefined || inodes.size === 0) return inodes && [];
      const table = await tableOf(pid, atMs, maxAgeMs);
      if (table === undefined) return undefined;
      return [...inodes].flatMap(([inode, fd]) => {
        const connection = findConnection(table, inode, endianness());
        return connection === undefined ? [] : [{ fd, connection }];
      });
    },
    forget(atMs) {
      for (const [name, { atMs: readAtMs }] of namespaces) {
        if (atMs - readAtMs >= TABLE_MAX_AGE_MS) namespaces.delete(name);
      }
    },
  };
}
