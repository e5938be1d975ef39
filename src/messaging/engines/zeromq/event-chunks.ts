// Which records of the store hold which events. Events that are written together are one record, a chunk, since a record costs
// far more than an event in it. A chunk stays until its last event is removed; until then bits say which are. Changes are
// planned first and taken over once the store has made them. Pure.
import { createNumberMap } from "../../../number-map.ts";
import type { StoredEvent } from "../../embedded/broker/store.ts";

export type EventMeta = Omit<StoredEvent, "body">;

/** A record with several events. */
interface Chunk {
  key: number;
  seqs: readonly number[];
  /** A bit for each event that is removed. */
  removed: Buffer;
  left: number;
}

/** What has to be written so that events are put and removed. */
export interface ChunkPlan {
  /** New records. */
  put: { key: number; bytes: Buffer }[];
  /** Which events of a record are removed. */
  mark: { key: number; removed: Buffer }[];
  /** Records without events. */
  remove: number[];
  /** Takes it over. */
  done(): void;
}

export interface EventChunks {
  /** A chunk that the store has from a former process. @returns Its events that are not removed. */
  recover(key: number, bytes: Buffer, removed: Buffer | undefined): (EventMeta & { size: number })[];
  plan(changes: Iterable<StoredEvent | { removed: number }>): ChunkPlan;
  /** Where an event is: the key of its record, and its place in it. */
  find(seq: number): { key: number; index: number } | undefined;
}

/** Longer records are not made of several events: one that is left keeps the memory of all. */
const MAX_BYTES = 64 * 1024;
const MAX_EVENTS = 128;
const LENGTH_BYTES = 4;

export function createEventChunks(): EventChunks {
  const chunkOf = createNumberMap<Chunk>();
  let lastKey = 0;

  function newChunk(key: number, seqs: readonly number[], removed: Buffer): Chunk {
    lastKey = Math.max(lastKey, key);
    const kept = seqs.filter((_, index) => !isSet(removed, index));
    const chunk = { key, seqs, removed, left: kept.length };
    for (const seq of kept) chunkOf.set(seq, chunk);
    return chunk;
  }

  return {
    recover(key, bytes, removed) {
      const metas = metasIn(bytes);
      const bodies = bodiesIn(bytes);
      const seqs = metas.map(({ seq }) => seq);
      const chunk = newChunk(key, seqs, removed ?? noneRemoved(seqs.length));
      return metas.flatMap((meta, index) =>
        isSet(chunk.removed, index) ? [] : [{ ...meta, size: bodies[index]?.length ?? 0 }],
      );
    },
    plan(changes) {
      const added = new Map<number, StoredEvent>();
      const touched = new Map<Chunk, { removed: Buffer; left: number }>();
      const gone: number[] = [];

      function remove(seq: number): void {
        const chunk = chunkOf.get(seq);
        if (chunk === undefined) return;
        const after = touched.get(chunk) ?? { removed: Buffer.from(chunk.removed), left: chunk.left };
        touched.set(chunk, after);
        const index = chunk.seqs.indexOf(seq);
        if (isSet(after.removed, index)) return;
        set(after.removed, index);
        after.left -= 1;
        gone.push(seq);
      }

      for (const change of changes) {
        const seq = "removed" in change ? change.removed : change.seq;
        remove(seq);
        if ("removed" in change) added.delete(seq);
        else added.set(seq, change);
      }
      const fresh = groupsOf(added.values()).map((events, index) => ({ key: lastKey + 1 + index, events }));
      const entries = [...touched];
      return {
        put: fresh.map(({ key, events }) => ({ key, bytes: writeChunk(events) })),
        mark: entries.flatMap(([{ key }, { removed, left }]) => (left > 0 ? [{ key, removed }] : [])),
        remove: entries.flatMap(([{ key }, { left }]) => (left > 0 ? [] : [key])),
        done() {
          for (const seq of gone) chunkOf.delete(seq);
          for (const [chunk, after] of entries) Object.assign(chunk, after);
          for (const { key, events } of fresh)
            newChunk(
              key,
              events.map(({ seq }) => seq),
              noneRemoved(events.length),
            );
        },
      };
    },
    find(seq) {
      const chunk = chunkOf.get(seq);
      return chunk && { key: chunk.key, index: chunk.seqs.indexOf(seq) };
    },
  };
}

/** Events that become a record each. */
function groupsOf(events: Iterable<StoredEvent>): StoredEvent[][] {
  const groups: StoredEvent[][] = [];
  let last: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    bytes += event.body.length;
    if (last.length === 0 || last.length === MAX_EVENTS || bytes > MAX_BYTES) {
      last = [];
      groups.push(last);
      bytes = event.body.length;
    }
    last.push(event);
  }
  return groups;
}

/**
 * The number of events, the length of the JSON, the length of each body; then the JSON of all events and the bodies. Neighbours
 * that have the same name and groups share them.
 */
function writeChunk(events: readonly StoredEvent[]): Buffer {
  const runs: Run[] = [];
  let run: Run | undefined;
  let bodyBytes = 0;
  for (const { event, groups, at, seq, id, head, body } of events) {
    if (run === undefined || run.event !== event || run.at !== at || !isSame(run.groups, groups)) {
      run = { event, at, groups, items: [] };
      runs.push(run);
    }
    run.items.push([seq, id, head]);
    bodyBytes += body.length;
  }
  const json = JSON.stringify(runs);
  const jsonBytes = Buffer.byteLength(json);
  const jsonAt = (2 + events.length) * LENGTH_BYTES;
  const bytes = Buffer.allocUnsafe(jsonAt + jsonBytes + bodyBytes);
  bytes.writeUInt32LE(events.length, 0);
  bytes.writeUInt32LE(jsonBytes, LENGTH_BYTES);
  let at = jsonAt + bytes.write(json, jsonAt);
  for (const [index, { body }] of events.entries()) {
    bytes.writeUInt32LE(body.length, (2 + index) * LENGTH_BYTES);
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

interface Run extends Pick<StoredEvent, "event" | "at" | "groups"> {
  items: [seq: number, id: string, head: number][];
}

function metasIn(bytes: Buffer): EventMeta[] {
  const start = (2 + bytes.readUInt32LE(0)) * LENGTH_BYTES;
  const runs: Run[] = JSON.parse(bytes.toString("utf8", start, start + bytes.readUInt32LE(LENGTH_BYTES)));
  return runs.flatMap(({ items, ...shared }) => items.map(([seq, id, head]) => ({ ...shared, seq, id, head })));
}

/** The bodies in a record, in the order of its events. */
export function bodiesIn(bytes: Buffer): Buffer[] {
  const length = bytes.readUInt32LE(0);
  let at = (2 + length) * LENGTH_BYTES + bytes.readUInt32LE(LENGTH_BYTES);
  return Array.from({ length }, (_, index) => {
    const start = at;
    at += bytes.readUInt32LE((2 + index) * LENGTH_BYTES);
    return bytes.subarray(start, at);
  });
}

const BITS = 8;

function noneRemoved(length: number): Buffer {
  return Buffer.alloc(Math.ceil(length / BITS));
}

function isSet(bits: Buffer, index: number): boolean {
  return ((bits[Math.floor(index / BITS)] ?? 0) & (1 << (index % BITS))) !== 0;
}

function set(bits: Buffer, index: number): void {
  const at = Math.floor(index / BITS);
  bits[at] = (bits[at] ?? 0) | (1 << (index % BITS));
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  return some === others || (some.length === others.length && some.every((one, index) => one === others[index]));
}
