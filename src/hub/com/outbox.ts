// The readings of a node that its hub has not confirmed yet, on the disk: an LMDB file, since it removes from the front what
// was confirmed without rewriting the rest, commits what comes at once together, and is whole after any crash. A reading that
// was added survives the death of all processes, and a power cut.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { faultOfLmdbFile, setLmdbFileAside } from "../../lmdb-file.ts";
import { Backlog, type BacklogLimits, DEFAULT_LIMITS } from "./backlog.ts";
import type { Reading } from "./providers/hub-provider.ts";

export interface OutboxOptions {
  folder: string;
  /** Default: 10,000 readings, 64 MiB. */
  limits?: BacklogLimits;
  /** Where a file that can't be read was set aside. */
  onBroken?(reason: string, keptAs: string): void;
}

export interface Outbox {
  readonly waiting: number;
  readonly bytes: number;
  /** How many were dropped for younger ones, since the file was made. */
  readonly dropped: number;
  /**
   * Resolves when the reading is on the disk.
   *
   * @throws {ZcontextError} `ERR_MESSAGE_TOO_LARGE`, `ERR_STATE_UNWRITABLE`.
   */
  add(reading: Reading): Promise<void>;
  /** The first one behind a number, or of all. */
  after(seq: number): { seq: number; reading: Reading } | undefined;
  /** It is confirmed, or given up. */
  remove(seq: number): void;
  /** Resolves when something has been added since the call, or the outbox is closed. */
  added(): Promise<void>;
  close(): Promise<void>;
}

const DROPPED = "dropped";

/** @throws {ZcontextError} `ERR_STATE_UNWRITABLE`. */
export function openOutbox({ folder, limits = DEFAULT_LIMITS, onBroken = () => {} }: OutboxOptions): Outbox {
  const path = join(folder, "outbox.mdb");
  const root = openFile(path, folder, onBroken);
  const readings: Database<Buffer, number> = root.openDB("readings", { encoding: "binary" });
  const counts: Database<number, string> = root.openDB("counts", { encoding: "json" });
  const stored = [...readings.getRange().map(({ key: seq, value }) => ({ seq, bytes: value.length }))];
  const backlog = new Backlog(limits, stored);
  let last = stored.at(-1)?.seq ?? 0;
  let dropped = counts.get(DROPPED) ?? 0;
  let listeners: (() => void)[] = [];

  function tell(): void {
    const told = listeners;
    listeners = [];
    for (const listener of told) listener();
  }

  return {
    get waiting() {
      return backlog.readings;
    },
    get bytes() {
      return backlog.bytes;
    },
    get dropped() {
      return dropped;
    },
    async add(reading) {
      const value = Buffer.from(JSON.stringify(reading));
      if (!backlog.fits(value.length))
        throw new ZcontextError(
          "ERR_MESSAGE_TOO_LARGE",
          `a reading of ${value.length} bytes: the outbox takes ${limits.bytes} in all`,
        );
      last += 1;
      const seq = last;
      const oldest = backlog.add({ seq, bytes: value.length });
      dropped += oldest.length;
      // What is put in one turn is one transaction.
      const stored = readings.put(seq, value);
      for (const one of oldest) void readings.remove(one);
      if (oldest.length > 0) void counts.put(DROPPED, dropped);
      try {
        await stored;
      } catch (error) {
        backlog.remove(seq);
        throw unwritable(path, error);
      }
      tell();
    },
    after(seq) {
      for (const { key, value } of readings.getRange({ start: seq + 1, limit: 1 }))
        return { seq: key, reading: JSON.parse(value.toString()) };
      return undefined;
    },
    remove(seq) {
      if (backlog.remove(seq)) void readings.remove(seq);
    },
    added: () => new Promise((resolve) => listeners.push(resolve)),
    async close() {
      tell();
      await root.close();
    },
  };
}

function openFile(path: string, folder: string, onBroken: NonNullable<OutboxOptions["onBroken"]>): RootDatabase {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const fault = faultOfLmdbFile(path);
    if (fault !== undefined) onBroken(fault, setLmdbFileAside(path));
    // A promise of a change resolves when the system has written it to the disk.
    return open({ path, noSubdir: true, maxDbs: 2, overlappingSync: false });
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): ZcontextError {
  return new ZcontextError("ERR_STATE_UNWRITABLE", `cannot write ${path}: ${reasonOf(error)}`, {
    hint: "Readings for the hub are kept there.",
    cause: error,
  });
}
