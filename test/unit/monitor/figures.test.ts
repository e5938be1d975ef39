import { describe, expect, test } from "vitest";
import {
  type FiguresOptions,
  figuresOf,
  type SlowReading,
  type TimedReading,
  type TimedReadings,
} from "../../../src/monitor/figures.ts";
import type { ProcessReading, StatReading } from "../../../src/monitor/proc.ts";

const MIB = 2 ** 20;
const machine = { memoryBytes: 1_000 * MIB, bootEpochSeconds: 1_480_000_000 };
const uptimeMs = 60_000;
const nothing: TimedReadings = new Map();

function listed(pid: number, given: Partial<StatReading> = {}): StatReading {
  const usual = { ppid: 1, status: "sleeping", threads: 1, startMs: 500, vmsBytes: 400 * MIB, rssBytes: 10 * MIB };
  return { pid, ...usual, cpuMs: 0, userMs: 0, systemMs: 0, ...given };
}

function looks(atMs: number, ...readings: (ProcessReading | StatReading)[]): Map<number, TimedReading> {
  return new Map(readings.map((reading) => [reading.pid, { atMs, reading }]));
}

function figuresAt(
  { now, before = nothing, slow = new Map() }: Partial<FiguresOptions> & { now: TimedReadings },
  pid = 7,
) {
  return figuresOf([pid], { now, before, slow, machine, uptimeMs }).get(pid);
}

test("memory is told in MiB and as a percentage of the machine's", () => {
  const now = looks(0, listed(7, { rssBytes: 15_106_048, vmsBytes: 422_645_760 }));

  const figures = figuresAt({ now });

  expect(figures).toMatchObject({ status: "sleeping", rss: 14.40625, vms: 403.06640625, children: [] });
  expect(figures?.percent).toBeCloseTo(1.440625);
});

test("CPU is what was used of one core since the sample before", () => {
  const before = looks(1_000, listed(7, { cpuMs: 300 }));
  const now = looks(3_000, listed(7, { cpuMs: 1_300 }));

  expect(figuresAt({ now, before })?.cpu_percent).toBe(50);
});

test("CPU is 0 at first sight", () => {
  const now = looks(3_000, listed(7, { cpuMs: 1_300 }));

  expect(figuresAt({ now })?.cpu_percent).toBe(0);
});

test("a process under a reused pid inherits no CPU", () => {
  const before = looks(1_000, listed(7, { cpuMs: 300, startMs: 500 }));
  const now = looks(2_000, listed(7, { cpuMs: 900, startMs: 1_600 }));

  expect(figuresAt({ now, before })?.cpu_percent).toBe(0);
});

test("two samples at the same instant give no CPU rather than an infinite one", () => {
  const before = looks(1_000, listed(7, { cpuMs: 300 }));
  const now = looks(1_000, listed(7, { cpuMs: 310 }));

  expect(figuresAt({ now, before })?.cpu_percent).toBe(0);
});

test("CPU counts from the last look at the process, though others were looked at since", () => {
  const before = new Map([...looks(1_000, listed(7)), ...looks(2_900, listed(8))]);
  const now = looks(3_000, listed(7, { cpuMs: 1_000 }), listed(8, { cpuMs: 10 }));

  const figures = figuresOf([7, 8], { now, before, machine, uptimeMs });

  expect([...figures.values()].map(({ cpu_percent }) => cpu_percent)).toEqual([50, 10]);
});

test("total is the process and its descendants, and no other", () => {
  const before = looks(1_000, listed(7), listed(8), listed(9, { startMs: 700 }), listed(10));
  const now = looks(
    2_000,
    listed(7, { cpuMs: 100, userMs: 80, systemMs: 20, threads: 11 }),
    listed(8, { ppid: 7, cpuMs: 200, userMs: 150, systemMs: 50, status: "running", rssBytes: 20 * MIB }),
    listed(9, { ppid: 8, cpuMs: 400, startMs: 700, threads: 2 }),
    listed(10, { cpuMs: 800 }),
  );

  expect(figuresAt({ now, before })).toEqual({
    ...{ status: "sleeping", threads: 11, create_time: 1_480_000_000.5, uptime_s: 59.5 },
    ...{ rss: 10, vms: 400, percent: 1, cpu_percent: 10, cpu_times: { user: 0.08, system: 0.02 } },
    total: { rss: 40, memory: 40, memory_figure: "rss", vms: 1_200, percent: 4, cpu_percent: 70, threads: 14 },
    children: [
      {
        ...{ pid: 8, ppid: 7, status: "running", create_time: 1_480_000_000.5, threads: 1 },
        ...{ rss: 20, vms: 400, percent: 2, cpu_percent: 20, cpu_times: { user: 0.15, system: 0.05 } },
      },
      {
        ...{ pid: 9, ppid: 8, status: "sleeping", create_time: 1_480_000_000.7, threads: 2 },
        ...{ rss: 10, vms: 400, percent: 1, cpu_percent: 40, cpu_times: { user: 0, system: 0 } },
      },
    ],
  });
});

test("two that seem to be each other's parents are counted once", () => {
  const now = looks(0, listed(7, { ppid: 8 }), listed(8, { ppid: 7 }));

  expect(figuresAt({ now })?.children?.map(({ pid }) => pid)).toEqual([8]);
});

test("slow figures are told of each process, and what can be summed of the tree", () => {
  const now = looks(0, listed(7), listed(8, { ppid: 7 }), listed(9, { ppid: 7 }));
  const io = { read_bytes: 1, write_bytes: 2 };
  const slow = new Map<number, SlowReading>([
    [7, { pss: 5, uss: 4, swap: 0, fds: 12, fds_limit: 1_024, io, sockets: {}, listening: [] }],
    [8, { fds: 30, sockets: { LISTEN: 1 }, listening: [["127.0.0.1", 80]] }],
  ]);

  const figures = figuresAt({ now, slow });

  expect(figures).toMatchObject({ pss: 5, uss: 4, swap: 0, fds: 12, fds_limit: 1_024, io, listening: [] });
  expect(figures?.children?.map(({ fds }) => fds)).toEqual([30, undefined]);
  expect(figures?.total).toEqual({
    ...{ rss: 30, memory: 30, memory_figure: "rss", vms: 1_200, percent: 3, cpu_percent: 0, threads: 3 },
    ...{ pss: 5, uss: 4, swap: 0, fds: 42, listening: [["127.0.0.1", 80]] },
  });
});

describe("the memory of a tree", () => {
  const parent = listed(7, { rssBytes: 100 * MIB });
  const child = listed(8, { ppid: 7, rssBytes: 90 * MIB });

  test("counts shared memory once, and what a process has taken since as its own", () => {
    const slow = new Map<number, SlowReading>([
      [7, { pss: 55, uss: 10, swap: 0, counted_elsewhere: 40 }],
      [8, { pss: 50, uss: 5, swap: 0, counted_elsewhere: 40 }],
    ]);

    const figures = figuresAt({ now: looks(0, parent, child), slow });

    expect(figures?.total).toMatchObject({ memory: 110, memory_figure: "pss", percent: 11, rss: 190 });
    expect(figures).not.toHaveProperty("counted_elsewhere");
    expect(figures?.children?.[0]).not.toHaveProperty("counted_elsewhere");
  });

  test("is resident memory where a process may not be read, and says so", () => {
    const slow = new Map<number, SlowReading>([[7, { pss: 55, uss: 10, swap: 0, counted_elsewhere: 40 }]]);

    const total = figuresAt({ now: looks(0, parent, child), slow })?.total;

    expect(total).toMatchObject({ memory: 150, memory_figure: "mixed" });
  });

  test("is never below zero, as when a process has given back what it shared", () => {
    const slow = new Map<number, SlowReading>([[7, { pss: 55, uss: 10, swap: 0, counted_elsewhere: 400 }]]);

    expect(figuresAt({ now: looks(0, parent), slow })?.total).toMatchObject({ memory: 0, memory_figure: "pss" });
  });
});

test("what no process tells is left out of the total", () => {
  expect(Object.keys(figuresAt({ now: looks(0, listed(7)) })?.total ?? {}).sort()).toEqual([
    "cpu_percent",
    "memory",
    "memory_figure",
    "percent",
    "rss",
    "threads",
    "vms",
  ]);
});

test("a pid that is not there has no figures, and costs the others nothing", () => {
  const now = looks(0, listed(7), listed(9));

  expect([...figuresOf([7, 8, 9], { now, before: nothing, machine, uptimeMs }).keys()]).toEqual([7, 9]);
});

test("without a process table, what it alone tells is left out", () => {
  const before = looks(1_000, { pid: 7, ppid: 1, cpuMs: 0, rssBytes: 10 * MIB });
  const now = looks(2_000, { pid: 7, ppid: 1, cpuMs: 250, rssBytes: 10 * MIB });

  expect(figuresAt({ now, before })).toEqual({ rss: 10, percent: 1, cpu_percent: 25 });
});

test("without a start time, a CPU count that went back is another process", () => {
  const before = looks(1_000, { pid: 7, ppid: 1, cpuMs: 900, rssBytes: 0 });
  const now = looks(2_000, { pid: 7, ppid: 1, cpuMs: 20, rssBytes: 0 });

  expect(figuresAt({ now, before })?.cpu_percent).toBe(0);
});
