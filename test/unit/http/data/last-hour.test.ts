import { describe, expect, test } from "vitest";
import type { Figures } from "../../../../src/http/contract/api.ts";
import { createLastHour, rowsSince } from "../../../../src/http/data/last-hour.ts";

const BEGIN_MS = 1_700_000_000_000;

function figuresAt(second: number, tasks: Figures["tasks"]): Figures {
  return { transaction: "T1", atMs: BEGIN_MS + second * 1_000, tasks };
}

/** A history of a sample each second, in which a task's CPU is the second. */
function historyOf(seconds: number, ids = ["ts001"]) {
  const history = createLastHour();
  for (let second = 0; second < seconds; second += 1)
    history.add(figuresAt(second, Object.fromEntries(ids.map((id) => [id, [second, 1_000 + second]]))));
  return history.read();
}

describe("the figures of the last hour", () => {
  test("has each sample of the last five minutes", () => {
    const { timesMs, tasks } = historyOf(120);

    expect(timesMs.slice(-2)).toEqual([BEGIN_MS + 118_000, BEGIN_MS + 119_000]);
    expect(timesMs).toHaveLength(120);
    expect(tasks.ts001?.cpuPercent.at(-1)).toBe(119);
    expect(tasks.ts001?.residentBytes[0]).toBe(1_000);
  });

  test("has one in ten seconds before that, the mean of CPU and the most of memory", () => {
    const { timesMs, tasks } = historyOf(600);

    const steps = timesMs.slice(1).map((time, index) => time - (timesMs[index] as number));
    expect(timesMs[0]).toBe(BEGIN_MS + 9_000);
    expect(steps.filter((step) => step === 1_000)).toHaveLength(300);
    expect(steps.slice(0, 28).every((step) => step === 10_000)).toBe(true);
    expect(tasks.ts001?.cpuPercent[0]).toBe(4.5);
    expect(tasks.ts001?.residentBytes[0]).toBe(1_009);
  });

  test("covers the last hour and no more, however long it goes on", () => {
    const { timesMs } = historyOf(3 * 3_600);

    const spanMs = (timesMs.at(-1) as number) - (timesMs[0] as number);
    expect(spanMs).toBeGreaterThanOrEqual(3_600_000);
    expect(spanMs).toBeLessThan(3_700_000);
    expect(timesMs.length).toBeLessThanOrEqual(640);
    expect([...timesMs].sort((one, other) => one - other)).toEqual(timesMs);
  });

  test("has nothing where a task had no process, and rows of the same length for all", () => {
    const history = createLastHour();

    history.add(figuresAt(0, { ts001: [1, 10] }));
    history.add(figuresAt(1, { ts002: [2, 20] }));

    const { tasks } = history.read();
    expect(tasks.ts001?.cpuPercent).toEqual([1, null]);
    expect(tasks.ts002?.residentBytes).toEqual([null, 20]);
  });

  test("forgets a task of which nothing is left", () => {
    const history = createLastHour();

    history.add(figuresAt(0, { gone: [1, 10] }));
    for (let second = 1; second < 3_700; second += 1) history.add(figuresAt(second, { ts001: [1, 10] }));

    expect(Object.keys(history.read().tasks)).toEqual(["ts001"]);
  });

  test("draws no line across a pause", () => {
    const history = createLastHour();

    history.add(figuresAt(0, { ts001: [1, 10] }));
    history.add(figuresAt(60, { ts001: [2, 20] }));

    expect(history.read().tasks.ts001?.cpuPercent).toContain(null);
    expect(history.read().tasks.ts001?.cpuPercent.at(-1)).toBe(2);
  });

  test("is shown from a time on, also where it has nothing since", () => {
    const history = historyOf(10);

    expect(rowsSince(history, BEGIN_MS + 8_000)).toEqual({
      timesMs: [BEGIN_MS + 8_000, BEGIN_MS + 9_000],
      tasks: { ts001: { cpuPercent: [8, 9], residentBytes: [1_008, 1_009] } },
    });
    expect(rowsSince(history, BEGIN_MS + 60_000).timesMs).toEqual([]);
  });
});
