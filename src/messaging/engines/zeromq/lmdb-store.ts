// The broker's store on disk: an LMDB environment, which is whole after any crash of its process. Whether it survives a
// power cut as well is a question of `sync`: without it the system writes when it likes.
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { reasonOf } from "../../../errors.ts";
import type { BrokerStore, Group, Remains, StoredEvent, StoredLetter, Write } from "../../embedded/store.ts";

export interface LmdbOptions {
  folder: string;
  durability: "file" | "sync";
  /** Where a broken store was set aside. */
  onBroken?(reason: string, keptAs: string): void;
}

/** The largest a store can become. The file grows as needed; the address space is reserved. */
const MAP_BYTES = 16 * 2 ** 30;

type EventMeta = Omit<StoredEvent, "body">;

/** Opens the store, or a new one where the old one can't be read. */
export function openLmdbStore(options: LmdbOptions): BrokerStore {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const path = join(options.folder, "queues.mdb");
  try {
    return storeIn(path, options);
  } catch (error) {
    const keptAs = `${path}.broken-${Date.now()}`;
    renameSync(path, keptAs);
    options.onBroken?.(reasonOf(error), keptAs);
    return storeIn(path, options);
  }
}

function storeIn(path: string, { durability }: LmdbOptions): BrokerStore {
  const root: RootDatabase = open({
    path,
    noSubdir: true,
    mapSize: MAP_BYTES,
    maxDbs: 4,
    noSync: durability === "file",
  });
  const events: Database<Buffer, number> = root.openDB("events", { encoding: "binary" });
  const marks: Database<{ attempt: number; firstAt: number }, [number, number]> = root.openDB("marks", {
    encoding: "json",
  });
  const groups: Database<Group, number> = root.openDB("groups", { encoding: "json" });
  const letters: Database<Buffer, string> = root.openDB("letters", { encoding: "binary" });

  function change(write: Write): void {
    if ("remove" in write) {
      if (write.remove === "event") events.removeSync(write.seq);
      else if (write.remove === "mark") marks.removeSync([write.key.seq, write.key.g]);
      else letters.removeSync(write.id);
      return;
    }
    switch (write.put) {
      case "event": {
        const { body, ...meta } = write.value;
        return void events.putSync(meta.seq, join2(meta, body));
      }
      case "mark":
        return void marks.putSync([write.key.seq, write.key.g], { attempt: write.attempt, firstAt: write.firstAt });
      case "group":
        return void groups.putSync(write.value.g, write.value);
      case "letter":
        return void letters.putSync(write.value.id, join2(write.value, write.body));
    }
  }

  return {
    stored: durability,
    write: (writes) => root.transactionSync(() => writes.forEach(change)),
    check: () => void root.putSync("checked", Date.now()),
    eventBody: (seq) => bodyOf(events.get(seq), seq),
    letterBody: (id) => bodyOf(letters.get(id), id),
    recover: (): Remains => ({
      groups: [...groups.getRange().map(({ value }) => value)],
      events: events.getRange().map(({ value }) => withSize<EventMeta>(value)),
      marks: marks.getRange().map(({ key: [seq, g], value }) => ({ key: { g, seq }, ...value })),
      letters: letters.getRange().map(({ value }) => withSize<StoredLetter>(value)),
    }),
    close: () => root.close(),
  };
}

const LENGTH_BYTES = 4;

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

function withSize<Meta>(bytes: Buffer): Meta & { size: number } {
  const end = LENGTH_BYTES + bytes.readUInt32LE(0);
  const meta: Meta = JSON.parse(bytes.toString("utf8", LENGTH_BYTES, end));
  return { ...meta, size: bytes.length - end };
}

function bodyOf(bytes: Buffer | undefined, key: number | string): Buffer {
  if (bytes === undefined) throw new Error(`the store has no event ${key}`);
  return bytes.subarray(LENGTH_BYTES + bytes.readUInt32LE(0));
}
