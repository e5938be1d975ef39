import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findCycles } from "../../../src/config/dependency-cycle.ts";

function cyclesOf(dependencies: Record<string, string[]>): string[][] {
  return findCycles(new Map(Object.entries(dependencies)));
}

describe("there is no cycle", () => {
  test("where no task needs another", () => {
    expect(cyclesOf({})).toEqual([]);
    expect(cyclesOf({ a: [], b: [] })).toEqual([]);
  });

  test("where two ways lead to the same task", () => {
    expect(cyclesOf({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })).toEqual([]);
  });

  test("by way of an unknown id", () => {
    expect(cyclesOf({ a: ["x"] })).toEqual([]);
  });

  test("wherever each needs only earlier ones", () => {
    const graph = fc
      .array(fc.array(fc.nat()), { maxLength: 30 })
      .map((all) =>
        all.map((needed, index): [string, string[]] => [
          `t${index}`,
          needed.filter(() => index > 0).map((one) => `t${one % index}`),
        ]),
      );

    fc.assert(
      fc.property(graph, (entries) => {
        expect(findCycles(new Map(entries))).toEqual([]);
      }),
    );
  });
});

describe("a cycle", () => {
  test("is told from the member that comes first in the file", () => {
    expect(cyclesOf({ a: ["b"], b: ["d"], c: ["b"], d: ["c"] })).toEqual([["b", "d", "c"]]);
    expect(cyclesOf({ start: ["c"], a: ["b"], b: ["c"], c: ["a"] })).toEqual([["a", "b", "c"]]);
  });

  test("may be a task that needs itself", () => {
    expect(cyclesOf({ a: ["a"] })).toEqual([["a"]]);
  });

  test("is found beside others, and where they share a task", () => {
    expect(cyclesOf({ a: ["b"], b: ["a"], c: ["d"], d: ["c"] })).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(cyclesOf({ a: ["b", "c"], b: ["a"], c: ["a"] })).toEqual([
      ["a", "b"],
      ["a", "c"],
    ]);
  });

  test("is found once, and each step of it is there", () => {
    const id = fc.constantFrom(..."abcdef");
    const graph = fc.dictionary(id, fc.uniqueArray(id), { noNullPrototype: true });

    fc.assert(
      fc.property(graph, (dependencies) => {
        const cycles = cyclesOf(dependencies);

        expect(new Set(cycles.map(String)).size).toBe(cycles.length);
        for (const cycle of cycles) {
          for (const [index, member] of cycle.entries()) {
            expect(dependencies[member]).toContain(cycle[(index + 1) % cycle.length]);
          }
        }
      }),
    );
  });

  test("of a thousand tasks is found as well", () => {
    const ring = Array.from({ length: 1_000 }, (_, index): [string, string[]] => [
      `t${index}`,
      [`t${(index + 1) % 1_000}`],
    ]);

    expect(findCycles(new Map(ring))).toEqual([ring.map(([id]) => id)]);
  });
});
