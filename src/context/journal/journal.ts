// The file from which a restarted provider resumes. Records are appended as things happen. When a write fails, the
// provider carries on, and the journal is written again as a whole, from memory, as soon as that is possible. At any
// moment the file under its name is a complete journal, unless the disk itself loses data.
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { isLiving, isSame, type ProcessIdentity } from "../../processes/stat.ts";
import { createProcessTable, type ProcessTable } from "../../processes/table.ts";
import { decodeText } from "../../text.ts";
import { formatSnapshot, nothingToResume, ownerOf, type Resumable, recollect, replay } from "./recall.ts";
import { type Fault, formatRecord, type JournalEntry, readRecord } from "./records.ts";

export interface Journal {
  /** Appends a record, which survives a kill of the process. Never throws: failed writes are counted and logged. */
  write(record: JournalEntry): void;
  /** Records that could not be written when they came; the file has their contents again once it is renewed. */
  readonly lost: number;
  close(): void;
}

export interface JournalOptions {
  /** Where the journal is kept; created if need be. */
  folder: string;
  /** Of the file, without its ending. */
  name: string;
  contextId: string;
  log: Log;
  /** A file longer than this is begun anew. Defaults to 1 MiB. */
  maxBytes?: number;
  /** Tells one boot of the machine from another. Defaults to what the system says. */
  bootId?: string;
  /** Tells which process the journal's last owner was, and we are. */
  table?: Pick<ProcessTable, "find">;
  /** Writes at the end of a file; answers how many bytes it took. */
  append?: (fd: number, bytes: Buffer) => number;
}

/** How many unreadable journals are kept. */
const MAX_CORRUPT = 5;
/** So often an owner is looked at that lives, and how long apart, in milliseconds. */
const LOOKS = 10;
const LOOK_MS = 50;
/** Readable by its owner alone: a definition may hold secrets. */
const MODE = 0o600;

/**
 * Reads what is to be resumed, and begins a fresh journal with it. Never rejects for what the disk holds or lacks.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING` when the process that writes to it lives, and is another.
 */
export async function openJournal(options: JournalOptions): Promise<{ journal: Journal; before: Resumable }> {
  const { folder, name, log, bootId = readBootId(), table = createProcessTable() } = options;
  const path = join(folder, `${name}.journal`);
  const us = identityOf(process.pid, table);
  const before = await recall(path, { folder, name, log, bootId, table, us });
  return { journal: keepJournal(path, before, { ...options, bootId, owner: us }), before };
}

/** The machine that a journal is read on. */
interface Present {
  bootId: string;
  us: ProcessIdentity | undefined;
  table: Pick<ProcessTable, "find">;
}

function identityOf(pid: number, table: Pick<ProcessTable, "find">): ProcessIdentity | undefined {
  const found = table.find(pid);
  return found && isLiving(found) ? { pid, startTicks: found.startTicks } : undefined;
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

// --- the former journal ----------------------------------------------------------------------------------------------

async function recall(
  path: string,
  { folder, name, bootId, log, us, table }: Pick<JournalOptions, "folder" | "name" | "log"> & Present,
): Promise<Resumable> {
  const text = await read(path);
  if (text === undefined) return nothingToResume;
  const owner = typeof text === "string" ? await livingOwner(ownerOf(text, bootId), { us, table }) : undefined;
  if (owner !== undefined) {
    const { pid } = owner.process;
    if (owner.place === undefined || owner.place === placeOf(statSync(path, { bigint: true })))
      throw running(path, pid);
    log.warn({ file: path, pid }, "journal is a copy of that of a provider that runs, nothing is resumed");
    return nothingToResume;
  }
  const found = typeof text === "string" ? replay(text, bootId) : text;
  if (!("fault" in found)) return found;
  const kept = await setAside(path, folder, name).catch((error: unknown) => `nowhere: ${reasonOf(error)}`);
  log.warn({ file: path, reason: found.fault, kept }, "journal set aside, nothing is resumed");
  return nothingToResume;
}

/** Undefined where there is none. */
async function read(path: string): Promise<string | Fault | undefined> {
  try {
    // Reading a named pipe in its place would never end.
    if (!(await stat(path)).isFile()) return { fault: "is not a file" };
    return decodeText(await readFile(path));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    return { fault: reasonOf(error) };
  }
}

type Owner = NonNullable<ReturnType<typeof ownerOf>>;

/** The owner, if it lives and is not this process. */
async function livingOwner(
  owner: Owner | undefined,
  { us, table }: Pick<Present, "us" | "table">,
): Promise<Owner | undefined> {
  if (owner === undefined) return undefined;
  const { process: known } = owner;
  const isGone = () => isSame(known, us) || !isSame(known, identityOf(known.pid, table));
  // The presence of a killed process is free a moment before the process is gone.
  for (let looks = 0; looks < LOOKS && !isGone(); looks += 1) await pause(LOOK_MS);
  return isGone() ? undefined : owner;
}

function placeOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

// A provider is found by its file; one whose presence and lock somebody has removed is seen here alone.
function running(path: string, pid: number): ZcontextError {
  return new ZcontextError("ERR_PROVIDER_RUNNING", `${path} is that of the provider with pid ${pid}, which runs`, {
    hint: "Stop it first: `kill <pid>` ends it in order.",
  });
}

/** Answers where it is now; it gets a number that none before it has had. */
async function setAside(path: string, folder: string, name: string): Promise<string> {
  const prefix = `${name}.journal.corrupt-`;
  const numbers = (await readdir(folder))
    .filter((file) => file.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(file.slice(prefix.length)))
    .map((file) => Number(file.slice(prefix.length)))
    .sort((a, b) => a - b);
  const aside = (number: number) => join(folder, `${prefix}${number}`);
  const target = aside((numbers.at(-1) ?? 0) + 1);
  await rename(path, target);
  const surplus = numbers.slice(0, Math.max(0, numbers.length + 1 - MAX_CORRUPT));
  // One that can't be removed does no harm.
  for (const number of surplus) await rm(aside(number), { force: true }).catch(() => {});
  return target;
}

// --- the present one -------------------------------------------------------------------------------------------------

/** The file that is written to, as of the last write. */
interface OpenFile {
  fd: number;
  device: number;
  inode: number;
  bytes: number;
  /** From this length on it is begun anew. */
  limit: number;
}

function keepJournal(
  path: string,
  before: Resumable,
  {
    folder,
    contextId,
    bootId,
    owner,
    log,
    maxBytes = 1024 * 1024,
    append = writeSync,
  }: JournalOptions & { bootId: string; owner: ProcessIdentity | undefined },
): Journal {
  let known = before;
  let lost = 0;
  let file: OpenFile | undefined;
  let isClosed = false;
  /** The file lacks something, and nothing may follow on a gap. */
  let isBehind = true;
  /** A failure has been logged, and lasts. */
  let isTold = false;

  /** The line of a record, once it is part of what is known; undefined for one that no journal may hold. */
  function admit(entry: JournalEntry): Buffer | undefined {
    try {
      const line = formatRecord(entry);
      // Read back, so that what is known is what the file says, and no later change of the body changes it.
      const record = readRecord(line.slice(0, -1));
      const next = "fault" in record ? record : recollect(known, record);
      if (!("fault" in next)) {
        known = next;
        return Buffer.from(line, "latin1");
      }
      log.warn({ file: path, reason: `a record ${next.fault}` }, "journal refuses a record");
    } catch (error) {
      log.warn({ file: path, reason: reasonOf(error) }, "journal refuses a record");
    }
    return undefined;
  }

  /** Puts a line at the end of the file, whole or not at all. */
  function extend(open: OpenFile, line: Buffer): boolean {
    try {
      writeWhole(open.fd, line);
      open.bytes += line.length;
      return true;
    } catch (error) {
      tell(error);
      cut(open);
      return false;
    }
  }

  function writeWhole(fd: number, bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) {
      const taken = append(fd, bytes.subarray(done));
      if (taken === 0) throw new Error("the file takes no more");
      done += taken;
    }
  }

  /** Begins the file anew with all that is known; answers whether it could. */
  function renew(): boolean {
    const former = file;
    try {
      file = begin();
    } catch (error) {
      tell(error);
      return false;
    }
    if (former !== undefined) release(former.fd);
    if (isTold) log.info({ file: path, lost }, "journal is whole again");
    isBehind = false;
    isTold = false;
    return true;
  }

  function begin(): OpenFile {
    mkdirSync(folder, { recursive: true });
    const fresh = `${path}.tmp`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, "ax", MODE);
    try {
      const place = placeOf(fstatSync(fd, { bigint: true }));
      const text = Buffer.from(formatSnapshot(known, { contextId, bootId, owner, place }), "latin1");
      writeWhole(fd, text);
      fsyncSync(fd);
      keepFormer(path);
      renameSync(fresh, path);
      syncFolder(folder);
      const { dev: device, ino: inode } = statSync(path);
      // What is long by itself is not begun anew with every record.
      return { fd, device, inode, bytes: text.length, limit: Math.max(maxBytes, 2 * text.length) };
    } catch (error) {
      release(fd);
      discard(fresh);
      throw error;
    }
  }

  function tell(error: unknown): void {
    if (!isTold) log.warn({ file: path, reason: reasonOf(error) }, "journal is in trouble, a restart may resume less");
    isTold = true;
  }

  /** Brings a line that is part of what is known into the file; answers whether it is there. */
  function bring(line: Buffer): boolean {
    if (file === undefined || isBehind) return renew();
    const isIntact = isOurs(path, file);
    if (!isIntact) tell(new Error("the file was removed, replaced or changed by another process"));
    if (!isIntact || !extend(file, line)) {
      isBehind = true;
      return renew();
    }
    if (file.bytes >= file.limit && !renew()) file.limit = file.bytes + maxBytes;
    return true;
  }

  renew();

  return {
    get lost() {
      return lost;
    },
    write(entry) {
      const line = isClosed ? undefined : admit(entry);
      if (line === undefined || !bring(line)) lost += 1;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      if (file === undefined) return;
      if (!isBehind) extend(file, Buffer.from(formatRecord({ kind: "closed" }), "latin1"));
      try {
        fsyncSync(file.fd);
      } catch (error) {
        tell(error);
      }
      release(file.fd);
    },
  };
}

/** Still under its name, and as long as we have left it. */
function isOurs(path: string, { device, inode, bytes }: OpenFile): boolean {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    return there?.dev === device && there.ino === inode && there.size === bytes;
  } catch {
    return false;
  }
}

// A line that is cut off would make the whole file unreadable.
function cut({ fd, bytes }: OpenFile): void {
  try {
    ftruncateSync(fd, bytes);
  } catch {
    // Then it is set aside at the next start, unless it can be renewed before.
  }
}

// Under another name first, so that there is no moment without a journal. A failure here does not matter: there may be
// no former journal, or a file system without links.
function keepFormer(path: string): void {
  const spare = `${path}.1.tmp`;
  try {
    rmSync(spare, { force: true });
    linkSync(path, spare);
    renameSync(spare, `${path}.1`);
  } catch {
    // Then the former journal is not kept.
  } finally {
    discard(spare);
  }
}

// A name is safe only once its folder is; there are file systems that can't be asked for that.
function syncFolder(folder: string): void {
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

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is overwritten the next time.
  }
}

function release(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is closed all the same.
  }
}
