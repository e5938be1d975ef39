import { describe, expect, test } from "vitest";
import { createRing } from "../../../../src/http/data/ring.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("a ring", () => {
  test("keeps the last so many, the oldest first", () => {
    const ring = createRing<number>({ most: 3 });

    for (const number of numbers(1, 1_000)) ring.push(number);

    expect(ring.all()).toEqual([998, 999, 1_000]);
  });

  test("keeps no more than its weight, but always the newest", () => {
    const ring = createRing<string>({ most: 100, weight: 10, weigh: ({ length }) => length });

    for (const text of ["aaaa", "bbbb", "cc"]) ring.push(text);
    expect(ring.all()).toEqual(["aaaa", "bbbb", "cc"]);
    ring.push("d");
    expect(ring.all()).toEqual(["bbbb", "cc", "d"]);
    ring.push("e".repeat(50));
    expect(ring.all()).toEqual(["e".repeat(50)]);
    ring.push("f");
    expect(ring.all()).toEqual(["f"]);
  });
});
