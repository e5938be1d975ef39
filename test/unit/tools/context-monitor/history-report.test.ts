import { describe, expect, test } from "vitest";
import type { HistoryRecord, ProviderRecord } from "../../../../src/history/records.ts";
import { createHistoryReport } from "../../../../tools/context-monitor/history/history-report.ts";
import { drawReport } from "../../../../tools/context-monitor/history/history-table.ts";

const SINCE_MS = new Date(2026, 0, 31, 12).getTime();
const HOUR_MS = 3_600_000;
const MIB_BYTES = 2 ** 20;

function figures(second: number, cpu: number, rssMib: number, transaction = "T1", id = "ts001"): HistoryRecord {
  return { kind: "figures", transaction, atMs: SINCE_MS + second * 1_000, tasks: { [id]: [cpu, rssMib * MIB_BYTES] } };
}

function step(second: number, from: string, to: string, { run = 1, task = "ts001", cause = "" } = {}): HistoryRecord {
  return {
    ...{ kind: "transition", transaction: "T1", task, sequence: 1, from, to, event: "exit", run },
    ...(cause === "" ? {} : { cause }),
    time: new Date(SINCE_MS + second * 1_000).toISOString(),
  };
}

function provider(second: number, event: ProviderRecord["event"], incarnation = "one"): HistoryRecord {
  return { kind: "provider", event, atMs: SINCE_MS + second * 1_000, incarnation, pid: 1, version: "" };
}

function states(second: number, tasks: { [id: string]: [string, number] }): HistoryRecord {
  return { kind: "states", transaction: "T1", atMs: SINCE_MS + second * 1_000, tasks };
}

function reportOf(records: HistoryRecord[], { isRunning, only }: { isRunning?: boolean; only?: string } = {}) {
  const report = createHistoryReport({ sinceMs: SINCE_MS, untilMs: SINCE_MS + HOUR_MS, transaction: only });
  for (const record of records) report.add(record);
  return report.read(isRunning);
}

const plain = { isUnicode: false, hasSparklines: false };

describe("the report on a history", () => {
  test("has how a task ended up, its restarts, and what it has cost", () => {
    const { tasks } = reportOf([
      provider(0, "begin"),
      step(1, "starting", "running"),
      figures(2, 10, 50),
      figures(3, 30, 70),
      step(4, "running", "backingOff"),
      step(5, "backingOff", "starting", { run: 2 }),
      step(6, "starting", "running", { run: 2 }),
      figures(7, 20, 60),
    ]);

    expect(tasks).toMatchObject([
      {
        ...{ transaction: "T1", id: "ts001", state: "running", runs: 2, restarts: 1 },
        ...{ cpuMean: 20, cpuMost: 30, memoryLast: 60 * MIB_BYTES, memoryMost: 70 * MIB_BYTES },
      },
    ]);
  });

  test("keeps the course of those tasks that it shows", () => {
    const tasks = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`ts${index}`, [1, 1] as const]));
    const report = createHistoryReport({ sinceMs: SINCE_MS, untilMs: SINCE_MS + HOUR_MS });
    const { arrayBuffers: before } = process.memoryUsage();
    for (let second = 0; second < 200; second += 1)
      report.add({ kind: "figures", transaction: `T${second}`, atMs: SINCE_MS + second * 1_000, tasks });
    expect(report.read()).toMatchObject({ leftOut: 100_000 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * MIB_BYTES);
  });

  test("is drawn at once, and no wider than can be read, whatever a name is like", () => {
    const report = reportOf([states(1, { ts001: ["s".repeat(400_000), 1], ["t".repeat(400_000)]: ["running", 1] })]);

    const widest = Math.max(...drawReport(report, plain).map(({ length }) => length));

    expect(widest).toBeGreaterThan(200);
    expect(widest).toBeLessThan(300);
  });

  test("knows how a task stands that has not moved since then", () => {
    const { tasks, transitionCount } = reportOf([states(-30, { ts001: ["running", 4] }), figures(1, 10, 50)]);

    expect(tasks).toMatchObject([{ id: "ts001", state: "running", runs: 4, restarts: 0 }]);
    expect(transitionCount).toBe(0);
  });

  test("takes of what is older nothing but how things stood", () => {
    const report = reportOf([step(-10, "backingOff", "starting"), figures(-5, 90, 900), figures(5, 10, 50)]);

    expect(report.tasks).toMatchObject([{ restarts: 0, cpuMost: 10, state: "starting" }]);
    expect(report.transitions).toEqual([]);
    expect(report.span?.fromMs).toBe(SINCE_MS + 5_000);
  });

  test("has the course of the figures from the first of them to now", () => {
    const records = Array.from({ length: 1_800 }, (_, second) => figures(1_800 + second, second, second));

    const [task] = reportOf(records).tasks;

    expect(task?.cpuCourse).toHaveLength(24);
    expect(task?.cpuCourse.every((value) => value !== undefined)).toBe(true);
    expect(task?.memoryCourse.at(-1)).toBe(1_799 * MIB_BYTES);
  });

  test("has no holes in the course of a short time", () => {
    const records = Array.from({ length: 11 }, (_, second) => figures(3_589 + second, 1, 1));

    expect(reportOf(records).tasks[0]?.cpuCourse).toEqual([1, 1, 1, 1, 1]);
  });

  test("says when no provider ran, and how the one before had ended", () => {
    const { gaps, tasks } = reportOf([
      provider(0, "begin"),
      provider(10, "end"),
      provider(20, "begin", "two"),
      step(21, "starting", "running"),
      figures(30, 1, 1),
      provider(40, "begin", "three"),
    ]);

    const at = (second: number) => SINCE_MS + second * 1_000;
    expect(gaps).toEqual([
      { fromMs: at(10), toMs: at(20), wasKilled: false },
      { fromMs: at(30), toMs: at(40), wasKilled: true },
    ]);
    // It was not taken up by the one that came after.
    expect(tasks).toMatchObject([{ state: "gone" }]);
  });

  test("says that none runs now, where that is known", () => {
    const records = [provider(0, "begin"), step(1, "starting", "running")];

    expect(reportOf(records).gaps).toEqual([]);
    expect(reportOf(records, { isRunning: true }).gaps).toEqual([]);
    expect(reportOf(records, { isRunning: false })).toMatchObject({
      gaps: [{ fromMs: SINCE_MS + 1_000, wasKilled: true }],
      tasks: [{ state: "gone" }],
    });
    expect(reportOf([...records, provider(9, "end")]).gaps).toEqual([{ fromMs: SINCE_MS + 9_000, wasKilled: false }]);
  });

  test("is of one transaction where only that is asked for", () => {
    const records = [figures(1, 1, 1, "T1"), figures(1, 1, 1, "T2"), step(2, "running", "exited")];

    expect(reportOf(records, { only: "T2" })).toMatchObject({ tasks: [{ transaction: "T2" }], transitionCount: 0 });
    expect(reportOf(records, { only: "T3" }).span).toBeUndefined();
  });

  test("holds so many tasks and transitions at most, and counts the others", () => {
    const many = Array.from({ length: 3_000 }, (_, index) => step(index, "a", "b", { task: `ts${index}` }));

    const report = reportOf(many);

    expect(report.tasks).toHaveLength(1_000);
    expect(report).toMatchObject({ leftOut: 2_000, transitionCount: 3_000 });
    expect(report.transitions.map(({ task }) => task)).toEqual(
      many.slice(-20).map((record) => "task" in record && record.task),
    );
  });
});

describe("the report as people read it", () => {
  const records = [
    provider(0, "begin"),
    step(1, "starting", "running"),
    figures(2, 10, 50),
    provider(60, "begin", "two"),
    step(61, "running", "failed", { cause: "code 3" }),
    figures(62, 30, 70),
  ];

  test("has the tasks, the gaps and the transitions", () => {
    expect(drawReport(reportOf(records), plain)).toEqual([
      "from 2026-01-31 12:00:01 to 2026-01-31 12:01:02",
      "",
      "TASK   STATE     RUNS  RESTARTS  CPU %  MAX   MEM MiB  MAX",
      "ts001  x failed  1     0         20.0   30.0  70.0     70.0",
      "",
      "no provider from 2026-01-31 12:00:02 to 2026-01-31 12:01:00, 58s: it was killed",
      "",
      "transitions:",
      "2026-01-31 12:00:01  T1  ts001  running  from starting  exit",
      "2026-01-31 12:01:01  T1  ts001  failed  from running  exit: code 3",
    ]);
  });

  test("draws the course of the figures, and names transactions where there are several", () => {
    const [, , head, first] = drawReport(reportOf([...records, figures(63, 1, 1, "T2")]), {
      ...{ isUnicode: true, hasSparklines: true },
    });

    expect(head).toMatch(/^TRANSACTION {2}TASK .* COURSE .* COURSE/);
    expect(first).toMatch(/✗ failed.*[▁-█]/);
  });

  test("is nothing where nothing was kept", () => {
    expect(drawReport(reportOf([]), plain)).toEqual([]);
  });

  test("shows what a task is called as text alone", () => {
    const lines = drawReport(reportOf([figures(1, 1, 1, "T1", "\u001b[31mts")]), plain);

    expect(lines.join("")).not.toContain("\u001b");
  });
});
