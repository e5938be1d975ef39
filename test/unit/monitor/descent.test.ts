import fc from "fast-check";
import { expect, test } from "vitest";
import { sortByDescent } from "../../../src/monitor/descent.ts";

/** Processes by pid, with their parents. */
function born(parents: Record<number, number>) {
  return new Map(Object.entries(parents).map(([pid, ppid]) => [Number(pid), { pid: Number(pid), ppid }]));
}

test("a process that descends from a root is a member, and no other", () => {
  const { members, unrelated } = sortByDescent(born({ 1: 0, 7: 1, 8: 7, 9: 8, 10: 1 }), new Set([7]));

  expect([...members].sort()).toEqual([7, 8, 9]);
  expect([...unrelated].sort()).toEqual([1, 10]);
});

test("a process whose parent was not read is not unrelated yet, nor are its children", () => {
  const { members, unrelated } = sortByDescent(born({ 1: 0, 7: 1, 9: 8, 10: 9 }), new Set([7]));

  expect([...members]).toEqual([7]);
  expect([...unrelated]).toEqual([1]);
});

test("the children of a process known to be unrelated are unrelated", () => {
  const { unrelated } = sortByDescent(born({ 7: 1, 20: 12 }), new Set([7]), new Set([1, 12]));

  expect([...unrelated].sort()).toEqual([1, 12, 20]);
});

test("two processes that seem to be each other's parents are neither", () => {
  const { members, unrelated } = sortByDescent(born({ 1: 0, 7: 1, 8: 9, 9: 8 }), new Set([7]));

  expect([...members]).toEqual([7]);
  expect([...unrelated]).toEqual([1]);
});

test("a root that is gone leaves no members", () => {
  expect(sortByDescent(born({ 1: 0, 8: 7 }), new Set([7])).members.size).toBe(0);
});

test("leaving known unrelated processes out finds the same members", () => {
  // A forest: the parent of each is one before it, or 0.
  const forest = fc
    .array(fc.nat(), { minLength: 1, maxLength: 40 })
    .map((picks) => new Map(picks.map((pick, at) => [at + 1, { pid: at + 1, ppid: pick % (at + 1) }])));

  fc.assert(
    fc.property(forest, fc.array(fc.integer({ min: 1, max: 40 })), (readings, pids) => {
      const roots = new Set(pids);
      const whole = sortByDescent(readings, roots);
      const rest = new Map([...readings].filter(([pid]) => !whole.unrelated.has(pid)));

      expect(sortByDescent(rest, roots, whole.unrelated)).toEqual(whole);
      expect(whole.members.size + whole.unrelated.size).toBe(readings.size);
    }),
  );
});
