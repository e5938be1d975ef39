import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDownsample } from "../../../src/history/downsample.ts";
import type { Figures } from "../../../src/history/figures.ts";
import { createSummary } from "../../../src/history/summary.ts";

const HOUR_MS = 3_600_000;

function figuresAt(second: number, tasks: Figures["tasks"] = { ts001: [second % 10, second] }): Figures {
  return { transaction: "T1", atMs: second * 1_000, tasks };
}

describe("figures as so many rows", () => {
  test("have the mean of CPU and the most of memory of their part of the time", () => {
    const downsample = createDownsample({ sinceMs: 0, untilMs: HOUR_MS, points: 360 });
    for (let second = 0; second < 3_600; second += 1) downsample.add(figuresAt(second));

    const { timesMs, tasks } = downsample.read();

    expect(timesMs).toHaveLength(360);
    expect(timesMs[0]).toBe(9_000);
    expect(tasks.ts001?.cpuPercent.every((cpu) => cpu === 4.5)).toBe(true);
    expect(tasks.ts001?.residentBytes.slice(0, 2)).toEqual([9, 19]);
  });

  test("draw no line across a time in which nothing was kept", () => {
    const downsample = createDownsample({ sinceMs: 0, untilMs: HOUR_MS, points: 60 });

    for (const second of [0, 30, 1_800, 1_830]) downsample.add(figuresAt(second));

    expect(downsample.read().tasks.ts001?.cpuPercent).toEqual([0, null, 0]);
  });

  test("are the samples themselves where there are fewer of them than rows", () => {
    const downsample = createDownsample({ sinceMs: 0, untilMs: 60_000, points: 600 });

    for (const second of [0, 1, 2, 4]) downsample.add(figuresAt(second));

    expect(downsample.read().timesMs).toEqual([0, 1_000, 2_000, 4_000]);
  });

  test("begin where the first sample is", () => {
    const downsample = createDownsample({ sinceMs: 0, untilMs: HOUR_MS, points: 60 });

    downsample.add(figuresAt(1_800));

    expect(downsample.read().timesMs).toEqual([1_800_000]);
  });

  test("are of this time, also where the clock was ahead once", () => {
    const downsample = createDownsample({ sinceMs: 0, untilMs: HOUR_MS, points: 60 });

    downsample.add(figuresAt(86_400));
    for (let second = 0; second < 3_600; second += 60) downsample.add(figuresAt(second));

    expect(downsample.read().timesMs).toHaveLength(60);
  });

  test("hold no more tasks than are shown, while they are gathered", () => {
    const summary = createSummary();
    for (let first = 0; first < 5_000; first += 100) {
      const ids = Array.from({ length: 100 }, (_, index) => `ts${first + index}`);
      summary.add(figuresAt(first, Object.fromEntries(ids.map((id) => [id, [1, 1] as const]))));
    }

    expect(Object.keys(summary.take()?.tasks ?? {})).toHaveLength(2_000);
  });

  test("are never more than asked for, and in order, whatever the clock does", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -100, max: 4_000 })),
        fc.integer({ min: 1, max: 50 }),
        (seconds, points) => {
          const downsample = createDownsample({ sinceMs: 0, untilMs: HOUR_MS, points });
          for (const second of seconds) downsample.add(figuresAt(second, { ts001: [1, 1] }));

          const { timesMs, tasks } = downsample.read();

          expect(timesMs.length).toBeLessThanOrEqual(points);
          expect(timesMs).toEqual([...timesMs].sort((one, other) => one - other));
          expect(Object.values(tasks).every(({ cpuPercent }) => cpuPercent.length === timesMs.length)).toBe(true);
          const isKept = seconds.some((second) => second <= 3_600);
          expect(tasks.ts001?.cpuPercent.some((cpu) => cpu !== null) ?? false).toBe(isKept);
        },
      ),
    );
  });
});
