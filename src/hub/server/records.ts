// What a hub remembers of its nodes over its end: one record for each node, in an LMDB file.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import type { NodeRecord } from "./fleet.ts";

export interface Records extends AsyncDisposable {
  all(): NodeRecord[];
  /** Soon written; the last record of each node counts. */
  keep(record: NodeRecord): void;
}

/** How long records are gathered before they are written, in milliseconds. */
const GATHER_MS = 500;

export function openRecords(folder: string): Records {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = open<NodeRecord, string>({ path: join(folder, "nodes.mdb"), noSubdir: true, encoding: "json" });
  const changed = new Map<string, NodeRecord>();
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    timer = undefined;
    const puts = [...changed].map(([node, record]) => database.put(node, record));
    changed.clear();
    await Promise.all(puts);
  }

  return {
    all: () => [...database.getRange()].map(({ value }) => value),
    keep(record) {
      changed.set(record.node, record);
      timer ??= setTimeout(write, GATHER_MS);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await write();
      await database.close();
    },
  };
}
