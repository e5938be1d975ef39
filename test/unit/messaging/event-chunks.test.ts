import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../../src/messaging/embedded/broker/store.ts";
import { bodiesIn, createEventChunks } from "../../../src/messaging/engines/zeromq/event-chunks.ts";

/** A store of records, as LMDB is one. */
function recordStore() {
  const records = new Map<number, Buffer>();
  const removals = new Map<number, Buffer>();
  let chunks = createEventChunks();

  /** Another process reads what is there. */
  function restart(): number[] {
    chunks = createEventChunks();
    return [...records].flatMap(([key, bytes]) => chunks.recover(key, bytes, removals.get(key)).map(({ seq }) => seq));
  }

  return {
    records,
    restart,
    write(changes: (StoredEvent | { removed: number })[], isMade = true): void {
      const plan = chunks.plan(changes);
      if (!isMade) return;
      for (const { key, bytes } of plan.put) records.set(key, bytes);
      for (const { key, removed } of plan.mark) removals.set(key, removed);
      for (const key of plan.remove) {
        records.delete(key);
        removals.delete(key);
      }
      plan.done();
    },
    bodyOf(seq: number): string | undefined {
      const place = chunks.find(seq);
      return place && String(bodiesIn(records.get(place.key) ?? Buffer.alloc(8))[place.index]);
    },
  };
}

function event(seq: number, text: string, groups: number[] = [1]): StoredEvent {
  return { seq, event: "a.b", id: `id${seq}`, at: 1, head: 2, groups, body: Buffer.from(text) };
}

test("the store has what was put and not removed, whatever fails, and after each restart", () => {
  const change = fc.oneof(
    fc.record({ seq: fc.nat(40), text: fc.string({ maxLength: 20 }), groups: fc.subarray([1, 2]) }),
    fc.record({ removed: fc.nat(40) }),
  );
  const step = fc.record({ changes: fc.array(change), isMade: fc.boolean(), restarts: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const store = recordStore();
      const model = new Map<number, string>();
      for (const { changes, isMade, restarts } of steps) {
        store.write(
          changes.map((one) => ("removed" in one ? one : event(one.seq, one.text, one.groups))),
          isMade,
        );
        for (const one of isMade ? changes : [])
          if ("removed" in one) model.delete(one.removed);
          else model.set(one.seq, one.text);

        if (restarts) expect(new Set(store.restart())).toEqual(new Set(model.keys()));
        for (const [seq, text] of model) expect(store.bodyOf(seq)).toBe(text);
        if (model.size === 0) expect(store.records.size).toBe(0);
      }
    }),
  );
});

test("events that are written together are one record, up to 128 and 64 KiB", () => {
  const store = recordStore();
  const many = Array.from({ length: 130 }, (_, seq) => event(seq, "x"));
  const large = Array.from({ length: 3 }, (_, n) => event(1_000 + n, "x".repeat(40_000)));

  store.write(many);
  expect(store.records.size).toBe(2);
  store.write(large);
  expect(store.records.size).toBe(5);
});

test("a restart finds all that was said of an event", () => {
  const chunks = createEventChunks();
  const { body, ...meta } = event(7, "text", [1, 2]);
  const [record] = chunks.plan([event(6, "", [1]), { ...meta, body }]).put;

  const found = createEventChunks().recover(1, record?.bytes ?? Buffer.alloc(0), undefined);

  expect(found[1]).toEqual({ ...meta, size: body.length });
});
