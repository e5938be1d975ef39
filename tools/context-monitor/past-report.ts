// What a history comes to: how each task has ended up, what it has cost, the last steps, and when no provider ran. Pure;
// records are added one by one, and what is held does not grow with their number. Pure.
import { createDownsample, type Downsample } from "../../src/history/downsample.ts";
import type { History } from "../../src/history/figures.ts";
import { type HistoryRecord, timeOf } from "../../src/history/records.ts";
import type { Transition } from "../../src/history/transition.ts";
import { LIVING } from "../living.ts";
import { createGaps, type Gap } from "./past-gaps.ts";

/** A task over the whole time. */
export interface PastTask {
  transaction: string;
  id: string;
  /** At the end; `gone` where its provider was killed, and nothing is known of it since. */
  state: string;
  runs: number | undefined;
  /** How often it came back by itself. */
  restarts: number;
  cpuMean: number | undefined;
  cpuMost: number | undefined;
  rssLast: number | undefined;
  rssMost: number | undefined;
  /** Over the whole time, a value for each part of it. */
  cpuCourse: readonly (number | undefined)[];
  rssCourse: readonly (number | undefined)[];
}

export interface Past {
  /** Of the first and the last record; undefined where there is none. */
  span: { fromMs: number; toMs: number } | undefined;
  tasks: readonly PastTask[];
  /** Of more tasks than those we only count. */
  leftOut: number;
  steps: readonly Transition[];
  stepCount: number;
  gaps: readonly Gap[];
}

export interface PastReport {
  add(record: HistoryRecord): void;
  /** @param isRunning - Whether a provider runs now; undefined where nobody knows. */
  read(isRunning?: boolean): Past;
}

/** Parts of the whole time at most, each a column of a sparkline, and the least they are long: there is a sample in each. */
export const PARTS = 24;
const LEAST_PART_MS = 2_000;
const MOST_STEPS = 20;
const MOST_TASKS = 1_000;

/** What is gathered of a task. */
interface Row {
  transaction: string;
  id: string;
  state: string;
  runs: number | undefined;
  restarts: number;
  samples: number;
  cpuSum: number;
  cpuMost: number;
  rssLast: number;
  rssMost: number;
}

/** @param sinceMs - What is older than that only says how things stood then. */
export function createPastReport({
  sinceMs,
  untilMs,
  transaction: only,
}: {
  sinceMs: number;
  untilMs: number;
  transaction?: string | undefined;
}): PastReport {
  const rows = new Map<string, Row>();
  const leftOut = new Set<string>();
  const courses = new Map<string, Downsample>();
  let steps: Transition[] = [];
  let stepCount = 0;
  const gaps = createGaps();
  let span: { fromMs: number; toMs: number } | undefined;
  let courseFromMs = sinceMs;

  const parts = () => Math.min(PARTS, Math.max(1, Math.floor((untilMs - courseFromMs) / LEAST_PART_MS)));

  function rowOf(transaction: string, id: string): Row | undefined {
    const key = JSON.stringify([transaction, id]);
    const known = rows.get(key);
    if (known !== undefined) return known;
    if (rows.size >= MOST_TASKS) {
      if (leftOut.size < 100 * MOST_TASKS) leftOut.add(key);
      return undefined;
    }
    const none = { restarts: 0, samples: 0, cpuSum: 0, cpuMost: 0, rssLast: 0, rssMost: 0 };
    const row: Row = { transaction, id, state: "", runs: undefined, ...none };
    rows.set(key, row);
    return row;
  }

  /** Whoever ran under a provider that was killed is gone, unless it is said otherwise. */
  function loseAll(): void {
    for (const row of rows.values()) if (UNDER_WAY.has(row.state)) row.state = "gone";
  }

  function sample({ transaction, atMs, tasks }: HistoryRecord & { kind: "figures" }): void {
    // Nobody is shown the course of more tasks than there are rows.
    const shown: [string, readonly [number, number]][] = [];
    for (const [id, [cpu, rss]] of Object.entries(tasks)) {
      const row = rowOf(transaction, id);
      if (row === undefined) continue;
      shown.push([id, [cpu, rss]]);
      row.samples += 1;
      row.cpuSum += cpu;
      row.cpuMost = Math.max(row.cpuMost, cpu);
      row.rssLast = rss;
      row.rssMost = Math.max(row.rssMost, rss);
    }
    courseOfTransaction(transaction)?.add({ transaction, atMs, tasks: Object.fromEntries(shown) });
  }

  function courseOfTransaction(transaction: string): Downsample | undefined {
    const known = courses.get(transaction);
    if (known !== undefined || courses.size >= MOST_TASKS) return known;
    const course = createDownsample({ sinceMs: courseFromMs, untilMs, points: parts() });
    courses.set(transaction, course);
    return course;
  }

  function step(record: HistoryRecord & { kind: "transition" }, isOfTime: boolean): void {
    const { transaction, task, to, from, run } = record;
    const row = rowOf(transaction, task);
    if (row !== undefined) {
      row.state = to;
      row.runs = run;
      if (isOfTime && from === "backingOff" && UNDER_WAY.has(to)) row.restarts += 1;
    }
    if (!isOfTime) return;
    stepCount += 1;
    steps = [...steps, record].slice(-MOST_STEPS);
  }

  function standing({ transaction, tasks }: HistoryRecord & { kind: "states" }): void {
    for (const [id, [state, runs]] of Object.entries(tasks)) {
      const row = rowOf(transaction, id);
      if (row === undefined) continue;
      row.state = state;
      row.runs = runs;
    }
  }

  return {
    add(record) {
      if (gaps.add(record)) loseAll();
      if (record.kind === "provider") return;
      const atMs = timeOf(record);
      const isOfTime = atMs >= sinceMs;
      if (only !== undefined && record.transaction !== only) return;
      if (isOfTime && span === undefined) courseFromMs = atMs;
      if (isOfTime) span = { fromMs: span?.fromMs ?? atMs, toMs: atMs };
      if (record.kind === "states") standing(record);
      else if (record.kind === "transition") step(record, isOfTime);
      else if (isOfTime) sample(record);
    },
    read(isRunning) {
      const { gaps: found, wasKilled } = gaps.read(isRunning);
      if (wasKilled) loseAll();
      const histories = new Map([...courses].map(([id, course]) => [id, course.read()]));
      const time = { fromMs: courseFromMs, toMs: untilMs, parts: parts() };
      const tasks = [...rows.values()].map((row) => pastTaskOf(row, histories.get(row.transaction), time));
      const shown = found.filter(({ toMs = untilMs }) => toMs >= sinceMs);
      return { span, tasks, leftOut: leftOut.size, steps, stepCount, gaps: shown };
    },
  };
}

function pastTaskOf(row: Row, history: History | undefined, time: Course): PastTask {
  const { transaction, id, state, runs, restarts, samples } = row;
  const own = history?.tasks[id];
  const course = (values: readonly (number | null)[] = []) => courseOf(history?.timesMs ?? [], values, time);
  const figures = samples === 0 ? undefined : row;
  return {
    ...{ transaction, id, state, runs, restarts },
    cpuMean: figures && figures.cpuSum / samples,
    cpuMost: figures?.cpuMost,
    rssLast: figures?.rssLast,
    rssMost: figures?.rssMost,
    cpuCourse: course(own?.cpuPercent),
    rssCourse: course(own?.residentBytes),
  };
}

/** States with a process, or on the way to one. */
const UNDER_WAY: ReadonlySet<string> = new Set([...LIVING, "backingOff", "blocked"]);

interface Course {
  fromMs: number;
  toMs: number;
  parts: number;
}

/** A value for each part of the time, out of rows that are there only where there was something. */
function courseOf(
  timesMs: readonly number[],
  values: readonly (number | null)[],
  { fromMs, toMs, parts }: Course,
): (number | undefined)[] {
  const course = new Array<number | undefined>(parts).fill(undefined);
  values.forEach((value, row) => {
    const part = Math.floor((((timesMs[row] as number) - fromMs) / Math.max(1, toMs - fromMs)) * parts);
    if (value !== null) course[Math.min(parts - 1, Math.max(0, part))] = value;
  });
  return course;
}
