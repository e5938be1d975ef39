import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Backlog } from "../../../../src/hub/com/backlog.ts";

const limits = { readings: 3, bytes: 100 };

describe("a backlog", () => {
  test("drops the oldest readings where there are too many", () => {
    const backlog = new Backlog(limits);

    const dropped = [1, 2, 3, 4, 5].flatMap((seq) => backlog.add({ seq, bytes: 10 }));

    expect(dropped).toEqual([1, 2]);
    expect([backlog.readings, backlog.bytes]).toEqual([3, 30]);
  });

  test("drops as many as a large one needs", () => {
    const backlog = new Backlog(limits, [
      { seq: 1, bytes: 40 },
      { seq: 2, bytes: 40 },
    ]);

    expect(backlog.add({ seq: 3, bytes: 90 })).toEqual([1, 2]);
    expect([backlog.readings, backlog.bytes]).toEqual([1, 90]);
  });

  test("drops none that has gone by itself", () => {
    const backlog = new Backlog(limits);
    for (const seq of [1, 2, 3]) backlog.add({ seq, bytes: 10 });

    expect(backlog.remove(1)).toBe(true);
    expect(backlog.remove(1)).toBe(false);
    expect(backlog.add({ seq: 4, bytes: 10 })).toEqual([]);
  });

  test("says of a reading that it could never wait", () => {
    expect([new Backlog(limits).fits(100), new Backlog(limits).fits(101)]).toEqual([true, false]);
  });

  test("never holds more than it may, and the youngest of what came", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 })), (sizes) => {
        const backlog = new Backlog(limits);
        const gone = sizes.flatMap((bytes, index) => backlog.add({ seq: index + 1, bytes }));
        expect(backlog.readings).toBeLessThanOrEqual(limits.readings);
        expect(backlog.bytes).toBeLessThanOrEqual(limits.bytes);
        expect(gone).toEqual(gone.map((_, index) => index + 1));
        expect(gone.length + backlog.readings).toBe(sizes.length);
      }),
    );
  });
});
