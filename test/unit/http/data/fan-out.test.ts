import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { createFanOut } from "../../../../src/http/data/fan-out.ts";

/** A listener's end of a connection, which is full from when we say so until we say so. */
function connection() {
  const written: string[] = [];
  const end = Object.assign(new EventEmitter(), {
    isFull: false,
    isDestroyed: false,
    written,
    write(text: string) {
      written.push(text);
      return !end.isFull;
    },
    destroy() {
      end.isDestroyed = true;
    },
    drain() {
      end.isFull = false;
      end.emit("drain");
    },
  });
  return end;
}

const asResponse = (end: ReturnType<typeof connection>) => end as unknown as ServerResponse;

test("each listener hears its own channel, after a snapshot", () => {
  const fanOut = createFanOut();
  const [one, other] = [connection(), connection()];
  fanOut.add(asResponse(one), { channel: "one", snapshot: () => 1 });
  fanOut.add(asResponse(other), { channel: "other", snapshot: () => 2 });

  fanOut.send("one", "line", "x");

  expect(one.written).toEqual(["event: snapshot\ndata: 1\n\n", 'event: line\ndata: "x"\n\n']);
  expect(other.written).toEqual(["event: snapshot\ndata: 2\n\n"]);
  fanOut.close();
});

test("one that does not read is written to no more, and begins anew with a snapshot when it does", () => {
  const fanOut = createFanOut({ maxLength: 1_000 });
  const [slow, quick] = [connection(), connection()];
  let count = 0;
  const snapshot = () => count;
  fanOut.add(asResponse(slow), { channel: "events", snapshot });
  fanOut.add(asResponse(quick), { channel: "events", snapshot });
  slow.isFull = true;

  for (count = 1; count <= 1_000; count += 1) fanOut.send("events", "count", count);

  expect(slow.written).toHaveLength(2);
  expect(quick.written).toHaveLength(1_001);
  expect(fanOut.drops).toBe(1);
  slow.drain();
  expect(slow.written.slice(2)).toEqual([`event: snapshot\ndata: ${count}\n\n`]);
  fanOut.send("events", "count", "next");
  expect(slow.written.at(-1)).toBe('event: count\ndata: "next"\n\n');
  fanOut.close();
});

test("one that has gone is forgotten, and all are at the end", () => {
  const fanOut = createFanOut();
  const [gone, staying] = [connection(), connection()];
  for (const end of [gone, staying]) fanOut.add(asResponse(end), { channel: "events", snapshot: () => 0 });

  gone.emit("close");
  fanOut.send("events", "count", 1);

  expect(fanOut.listeners).toBe(1);
  expect(gone.written).toHaveLength(1);
  fanOut.close();
  expect(staying.isDestroyed).toBe(true);
});
