// The file from which a restarted provider resumes. Records are appended as things happen. When a write fails, the
// provider carries on, and the journal is written again as a whole, from memory, as soon as that is possible. At any
// moment the file under its name is a complete journal, unless the disk itself loses data.
import {
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ProcessIdentity } from "../../processes/stat.ts";
import { createProcessTable, type ProcessTable } from "../../processes/table.ts";
import { identityOf, recallFormer } from "./former-journal.ts";
import { cut, discard, isOurs, keepFormer, type OpenFile, placeOf, release, syncFolder } from "./journal-file.ts";
import { formatSnapshot, type Resumable, recollect } from "./recall.ts";
import { formatRecord, type JournalEntry, readRecord } from "./records.ts";
import { journalPathOf } from "./state-files.ts";

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

/** Readable by its owner alone: a definition may hold secrets. */
const MODE = 0o600;

/**
 * Reads what is to be resumed, and begins a fresh journal with it. Never rejects for what the disk holds or lacks.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING` when the process that writes to it lives, and is another.
 */
export async function openJournal(options: JournalOptions): Promise<{ journal: Journal; before: Resumable }> {
  const { folder, name, log, bootId = readBootId(), table = createProcessTable() } = options;
  const path = journalPathOf({ folder, name });
  const us = identityOf(process.pid, table);
  const before = await recallFormer(path, { folder, name, log, bootId, table, us });
  return { journal: keepJournal(path, before, { ...options, bootId, owner: us }), before };
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
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
