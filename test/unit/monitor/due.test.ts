import fc from "fast-check";
import { expect, test } from "vitest";
import { pickDue, type Scheduled } from "../../../src/monitor/due.ts";

const SECOND = 1_000;

/** Reads so many processes tick by tick; returns at which ticks each was read, and how many at each tick. */
function serve({ processes, ticks, tickMs = SECOND, periodMs = 30 * SECOND }: Record<string, number>) {
  const all: (Scheduled & { readAt: number[] })[] = Array.from({ length: processes ?? 0 }, () => ({
    dueMs: 0,
    readAt: [],
  }));
  const perTick = Array.from({ length: ticks ?? 0 }, (_, tick) => {
    const atMs = tick * tickMs;
    const turns = pickDue(all, { atMs, sinceMs: tick === 0 ? 0 : tickMs }, periodMs);
    for (const one of turns) {
      one.readAt.push(tick);
      one.dueMs = atMs + periodMs;
    }
    return turns.length;
  });
  return { perTick, readAt: all.map(({ readAt }) => readAt) };
}

test("a few are all read at once, and then once in a period", () => {
  expect(serve({ processes: 3, ticks: 61 }).readAt).toEqual(Array(3).fill([0, 30, 60]));
});

test("of many no tick reads more than its share", () => {
  const { perTick, readAt } = serve({ processes: 100, ticks: 120 });

  expect(Math.max(...perTick)).toBe(5);
  expect(readAt.every((ticks) => ticks.length >= 3)).toBe(true);
});

test("a period that is not longer than a tick reads all at each", () => {
  expect(serve({ processes: 100, ticks: 4, tickMs: 30 * SECOND }).perTick).toEqual([5, 100, 100, 100]);
});

test("a tick that comes a little early delays no reading by a whole one", () => {
  const early = { atMs: 29_999, sinceMs: SECOND };

  expect(pickDue([{ dueMs: 30_000 }], early, 30_000)).toHaveLength(1);
  expect(pickDue([{ dueMs: 30_600 }], early, 30_000)).toHaveLength(0);
});

test("what has waited longest is first, so that newcomers can't delay it", () => {
  const old = { dueMs: 1_000 };
  const newcomers = Array.from({ length: 5 }, () => ({ dueMs: 9_000 }));

  expect(pickDue([...newcomers, old], { atMs: 9_000, sinceMs: SECOND }, 30_000)).toContain(old);
});

test("no process waits much longer than a period, however many there are", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.constantFrom(5, 30), (processes, period) => {
      const { readAt } = serve({ processes, ticks: 4 * period, periodMs: period * SECOND });

      const waits = readAt.flatMap((ticks) => ticks.map((tick, index) => tick - (ticks[index - 1] ?? 0)));
      expect(Math.max(...waits)).toBeLessThanOrEqual(period + 1);
    }),
    { numRuns: 30 },
  );
});
