// The broker's store on disk: an LMDB environment, which is whole after any crash of its process. Whether it survives a
// power cut as well is a question of `sync`: without it the system writes when it likes.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { reasonOf } from "../../../errors.ts";
import { faultOfLmdbFile, LMDB_PAGE_BYTES, setLmdbFileAside } from "../../../lmdb-file.ts";
import type {
  BrokerStore,
  Group,
  Remains,
  StoredEvent,
  StoredLetter,
  StoredMember,
  Write,
} from "../../embedded/broker/store.ts";
import { createBodyCache } from "./body-cache.ts";
import { type ChunkPlan, createEventChunks, type EventMeta } from "./event-chunks.ts";

export interface LmdbOptions {
  folder: string;
  durability: "file" | "sync";
  /** Where a broken store was set aside. */
  onBroken?(reason: string, keptAs: string): void;
}

/** The largest a store can become. The file grows as needed; the address space is reserved. */
const MAP_BYTES = 16 * 2 ** 30;
/** So many processes may end while they read a store before it is taken for broken. */
const MAX_ATTEMPTS = 3;

/** A store that has been opened. */
export interface OpenedStore {
  store: BrokerStore;
  /** All of it has been read: an end of this process is not the store's fault any more. */
  onRead(): void;
}

/** Opens the store, or a new one where the old one can't be read. That one is kept under another name. */
export function openLmdbStore(options: LmdbOptions): OpenedStore {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const path = join(options.folder, "queues.mdb");
  const attempts = `${path}.attempts`;
  const before = Number(readText(attempts) ?? 0);
  const fault =
    faultOfLmdbFile(path) ?? (before < MAX_ATTEMPTS ? undefined : `${before} processes have ended while they read it`);
  if (fault !== undefined) setAside(path, fault, options);
  // LMDB trusts its file: what is broken in it may end the process.
  writeFileSync(attempts, String(fault === undefined ? before + 1 : 1));
  const onRead = () => rmSync(attempts, { force: true });
  try {
    return { store: storeIn(path, options), onRead };
  } catch (error) {
    setAside(path, reasonOf(error), options);
    return { store: storeIn(path, options), onRead };
  }
}

function setAside(path: string, reason: string, { onBroken }: LmdbOptions): void {
  onBroken?.(reason, setLmdbFileAside(path));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function storeIn(path: string, { durability }: LmdbOptions): BrokerStore {
  const root: RootDatabase = open({
    path,
    noSubdir: true,
    mapSize: MAP_BYTES,
    maxDbs: 6,
    pageSize: LMDB_PAGE_BYTES,
    noSync: durability === "file",
  });
  const records: Database<Buffer, number> = root.openDB("chunks", { encoding: "binary" });
  const removals: Database<Buffer, number> = root.openDB("removals", { encoding: "binary" });
  const marks: Database<{ attempt: number; firstAt: number }, [number, number]> = root.openDB("marks", {
    encoding: "json",
  });
  const groups: Database<Group, number> = root.openDB("groups", { encoding: "json" });
  const members: Database<StoredMember, string> = root.openDB("members", { encoding: "json" });
  const letters: Database<Buffer, string> = root.openDB("letters", { encoding: "binary" });

  const chunks = createEventChunks();
  const bodies = createBodyCache((key) => records.get(key));

  /** Makes a change that is not one of events. */
  function change(write: Write): void {
    if ("remove" in write) {
      if (write.remove === "member") members.removeSync(write.id);
      else if (write.remove === "mark") marks.removeSync([write.key.seq, write.key.g]);
      else if (write.remove === "letter") letters.removeSync(write.id);
      return;
    }
    switch (write.put) {
      case "mark":
        return void marks.putSync([write.key.seq, write.key.g], { attempt: write.attempt, firstAt: write.firstAt });
      case "group":
        return void groups.putSync(write.value.g, write.value);
      case "member":
        return void members.putSync(write.value.id, write.value);
      case "letter":
        return void letters.putSync(write.value.id, join2(write.value, write.body));
    }
  }

  function changeEvents({ put, mark, remove }: ChunkPlan): void {
    for (const { key, bytes } of put) records.putSync(key, bytes);
    for (const { key, removed } of mark) removals.putSync(key, removed);
    for (const key of remove) {
      records.removeSync(key);
      removals.removeSync(key);
    }
  }

  function* storedEvents(): Generator<EventMeta & { size: number }> {
    for (const { key, value } of records.getRange()) yield* chunks.recover(key, value, removals.get(key));
  }

  return {
    stored: durability,
    write(writes) {
      const plan = chunks.plan(writes.flatMap(eventChange));
      root.transactionSync(() => {
        changeEvents(plan);
        writes.forEach(change);
      });
      plan.done();
      for (const { key, bytes } of plan.put) bodies.add(key, bytes);
      plan.remove.forEach(bodies.forget);
    },
    check(bytes) {
      // Two transactions: what is removed in the one that has put it is never written.
      letters.putSync(TRIAL, Buffer.alloc(bytes));
      letters.removeSync(TRIAL);
    },
    eventBody(seq) {
      const place = chunks.find(seq);
      const body = place && bodies.of(place.key)[place.index];
      if (body === undefined) throw new Error(`the store has no event ${seq}`);
      return body;
    },
    letterBody: (id) => bodyOf(letters.get(id), id),
    recover: (): Remains => ({
      groups: [...groups.getRange().map(({ value }) => value)],
      members: [...members.getRange().map(({ value }) => value)],
      events: storedEvents(),
      marks: marks.getRange().map(({ key: [seq, g], value }) => ({ key: { g, seq }, ...value })),
      letters: letters.getRange({ start: TRIAL_END }).map(({ value }) => withoutBody(value)),
    }),
    close: () => root.close(),
  };
}

/** Before all ids of letters, which begin with a digit; a broker that was killed may have left it. */
const TRIAL = " trial";
const TRIAL_END = "0";
const LENGTH_BYTES = 4;

/** What a change has to do with events. */
function eventChange(write: Write): [] | [StoredEvent | { removed: number }] {
  if ("put" in write) return write.put === "event" ? [write.value] : [];
  return write.remove === "event" ? [{ removed: write.seq }] : [];
}

/** Length of the JSON, the JSON, the body. */
function join2(meta: object, body: Buffer): Buffer {
  const json = JSON.stringify(meta);
  const size = Buffer.byteLength(json);
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + size + body.length);
  bytes.writeUInt32LE(size, 0);
  bytes.write(json, LENGTH_BYTES);
  body.copy(bytes, LENGTH_BYTES + size);
  return bytes;
}

function withoutBody(bytes: Buffer): StoredLetter {
  return JSON.parse(bytes.toString("utf8", LENGTH_BYTES, LENGTH_BYTES + bytes.readUInt32LE(0)));
}

function bodyOf(bytes: Buffer | undefined, id: string): Buffer {
  if (bytes === undefined) throw new Error(`the store has no dead letter ${id}`);
  return bytes.subarray(LENGTH_BYTES + bytes.readUInt32LE(0));
}
