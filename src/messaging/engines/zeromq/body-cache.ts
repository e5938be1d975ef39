// The bodies of the events that were written or read last. A queue gives its events in the order in which they were stored, so the next one
// is in the record of the last one, or in the record behind it. Pure.
import { createNumberMap } from "../../../number-map.ts";
import { bodiesIn } from "./event-chunks.ts";

export interface BodyCache {
  /** Those in a record, in the order of its events; none where the record is not there. */
  of(key: number): readonly Buffer[];
  /** A record that has just been written. */
  add(key: number, record: Buffer): void;
  forget(key: number): void;
}

/** As many groups may read at places of their own. */
const RECORDS = 16;

export function createBodyCache(read: (key: number) => Buffer | undefined): BodyCache {
  const cached = createNumberMap<readonly Buffer[]>();
  /** The keys of the last records, in a ring. */
  const kept: number[] = [];
  let next = 0;

  function add(key: number, record = read(key)): readonly Buffer[] {
    const bodies = record === undefined ? [] : bodiesIn(record);
    const oldest = kept[next];
    if (oldest !== undefined) cached.delete(oldest);
    kept[next] = key;
    next = (next + 1) % RECORDS;
    cached.set(key, bodies);
    return bodies;
  }

  return {
    of: (key) => cached.get(key) ?? add(key),
    add,
    forget: (key) => void cached.delete(key),
  };
}
