import { expect, test } from "vitest";
import { figuresOf } from "../../../src/monitor/figures.ts";
import type { ProcessReading, StatReading } from "../../../src/monitor/proc.ts";

const MIB = 2 ** 20;
const machine = { memoryBytes: 1_000 * MIB, bootEpochSeconds: 1_480_000_000 };
const nothing = snapshot(0);

function listed(pid: number, given: Partial<StatReading> = {}): StatReading {
  const usual = { ppid: 1, status: "sleeping", cpuMs: 0, startMs: 500, vmsBytes: 400 * MIB, rssBytes: 10 * MIB };
  return { pid, ...usual, ...given };
}

function snapshot(atMs: number, ...readings: (ProcessReading | StatReading)[]) {
  return { atMs, processes: new Map(readings.map((reading) => [reading.pid, reading])) };
}

test("memory is told in MiB and as a percentage of the machine's", () => {
  const now = snapshot(0, listed(7, { rssBytes: 15_106_048, vmsBytes: 422_645_760 }));

  const figures = figuresOf([7], { now, before: nothing, machine }).get(7);

  expect(figures).toMatchObject({ status: "sleeping", rss: 14.40625, vms: 403.06640625, children: [] });
  expect(figures?.percent).toBeCloseTo(1.440625);
});

test("CPU is what was used of one core since the sample before", () => {
  const before = snapshot(1_000, listed(7, { cpuMs: 300 }));
  const now = snapshot(3_000, listed(7, { cpuMs: 1_300 }));

  expect(figuresOf([7], { now, before, machine }).get(7)?.cpu_percent).toBe(50);
});

test("CPU is 0 at first sight", () => {
  const now = snapshot(3_000, listed(7, { cpuMs: 1_300 }));

  expect(figuresOf([7], { now, before: nothing, machine }).get(7)?.cpu_percent).toBe(0);
});

test("a process under a reused pid inherits no CPU", () => {
  const before = snapshot(1_000, listed(7, { cpuMs: 300, startMs: 500 }));
  const now = snapshot(2_000, listed(7, { cpuMs: 900, startMs: 1_600 }));

  expect(figuresOf([7], { now, before, machine }).get(7)?.cpu_percent).toBe(0);
});

test("two samples at the same instant give no CPU rather than an infinite one", () => {
  const before = snapshot(1_000, listed(7, { cpuMs: 300 }));
  const now = snapshot(1_000, listed(7, { cpuMs: 310 }));

  expect(figuresOf([7], { now, before, machine }).get(7)?.cpu_percent).toBe(0);
});

test("total is the process and its direct children, and no further", () => {
  const before = snapshot(1_000, listed(7), listed(8), listed(9), listed(10));
  const now = snapshot(
    2_000,
    listed(7, { cpuMs: 100 }),
    listed(8, { ppid: 7, cpuMs: 200, startMs: 500, status: "running", rssBytes: 20 * MIB }),
    listed(9, { ppid: 8, cpuMs: 400 }),
    listed(10, { cpuMs: 800 }),
  );

  expect(figuresOf([7], { now, before, machine }).get(7)).toEqual({
    status: "sleeping",
    rss: 10,
    vms: 400,
    percent: 1,
    cpu_percent: 10,
    total: { rss: 30, vms: 800, percent: 3, cpu_percent: 30 },
    children: [
      { pid: 8, status: "running", create_time: 1_480_000_000.5, rss: 20, vms: 400, percent: 2, cpu_percent: 20 },
    ],
  });
});

test("a pid that is not there has no figures, and costs the others nothing", () => {
  const now = snapshot(0, listed(7), listed(9));

  expect([...figuresOf([7, 8, 9], { now, before: nothing, machine }).keys()]).toEqual([7, 9]);
});

test("without a process table, what it alone tells is left out", () => {
  const before = snapshot(1_000, { pid: 7, ppid: 1, cpuMs: 0, rssBytes: 10 * MIB });
  const now = snapshot(2_000, { pid: 7, ppid: 1, cpuMs: 250, rssBytes: 10 * MIB });

  expect(figuresOf([7], { now, before, machine }).get(7)).toEqual({ rss: 10, percent: 1, cpu_percent: 25 });
});

test("without a start time, a CPU count that went back is another process", () => {
  const before = snapshot(1_000, { pid: 7, ppid: 1, cpuMs: 900, rssBytes: 0 });
  const now = snapshot(2_000, { pid: 7, ppid: 1, cpuMs: 20, rssBytes: 0 });

  expect(figuresOf([7], { now, before, machine }).get(7)?.cpu_percent).toBe(0);
});
