// Sums up a history: the last state of each task, what it has used, the last transitions, and when no provider ran.
// Records are added one by one; what is kept does not grow with their number. Pure.
import { createDownsample, type Downsample } from "../../../src/history/downsample.ts";
import type { History } from "../../../src/history/figures.ts";
import { type HistoryRecord, timeOf } from "../../../src/history/records.ts";
import { ownMember } from "../../../src/protocol/json.ts";
import type { Transition } from "../../../src/protocol/transition.ts";
import { isUnderWay } from "../terminal/states.ts";
import { createGapFinder, type Gap } from "./provider-gaps.ts";

/** A task over the whole time. */
export interface TaskReport {
  transaction: string;
  id: string;
  /** The last one; `gone` where its provider was killed and nothing has been recorded since. */
  state: string;
  runs: number | undefined;
  /** How often it was restarted by itself. */
  restarts: number;
  cpuMean: number | undefined;
  cpuMost: number | undefined;
  memoryLast: number | undefined;
  memoryMost: number | undefined;
  /** Over the whole time, a value for each part of it. */
  cpuCourse: readonly (number | undefined)[];
  memoryCourse: readonly (number | undefined)[];
}

export interface HistoryReport {
  /** Of the first and the last record; undefined where there is none. */
  span: { fromMs: number; toMs: number } | undefined;
  tasks: readonly TaskReport[];
  /** How many further tasks there are. */
  leftOut: number;
  transitions: readonly Transition<string>[];
  transitionCount: number;
  gaps: readonly Gap[];
}

export interface ReportBuilder {
  add(record: HistoryRecord): void;
  /** @param isRunning - Whether a provider runs now; undefined where that is not known. */
  read(isRunning?: boolean): HistoryReport;
}

/** How many columns a sparkline has at most. */
export const PARTS = 24;
/** A column stands for no less time than this, so that there is a sample in each. */
const LEAST_PART_MS = 2_000;
const MOST_TRANSITIONS = 20;
const MOST_TASKS = 1_000;

/** Sums of the records of a task. */
interface Row {
  transaction: string;
  id: string;
  state: string;
  runs: number | undefined;
  restarts: number;
  samples: number;
  cpuSum: number;
  cpuMost: number;
  memoryLast: number;
  memoryMost: number;
}

/** @param sinceMs - Of older records only the states count. */
export function createHistoryReport({
  sinceMs,
  untilMs,
  transaction: only,
}: {
  sinceMs: number;
  untilMs: number;
  transaction?: string | undefined;
}): ReportBuilder {
  const rows = new Map<string, Row>();
  const leftOut = new Set<string>();
  const courses = new Map<string, Downsample>();
  let transitions: Transition<string>[] = [];
  let transitionCount = 0;
  const gaps = createGapFinder();
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
    const none = { restarts: 0, samples: 0, cpuSum: 0, cpuMost: 0, memoryLast: 0, memoryMost: 0 };
    const row: Row = { transaction, id, state: "", runs: undefined, ...none };
    rows.set(key, row);
    return row;
  }

  /** Tasks of a provider that was killed are gone, until a later record says otherwise. */
  function loseAll(): void {
    for (const row of rows.values()) if (isUnderWay(row.state)) row.state = "gone";
  }

  function addSample({ transaction, atMs, tasks }: HistoryRecord & { kind: "figures" }): void {
    // The course is drawn only for tasks that have a row.
    const shown: [string, readonly [number, number]][] = [];
    for (const [id, [cpu, memory]] of Object.entries(tasks)) {
      const row = rowOf(transaction, id);
      if (row === undefined) continue;
      shown.push([id, [cpu, memory]]);
      row.samples += 1;
      row.cpuSum += cpu;
      row.cpuMost = Math.max(row.cpuMost, cpu);
      row.memoryLast = memory;
      row.memoryMost = Math.max(row.memoryMost, memory);
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

  function addTransition(record: HistoryRecord & { kind: "transition" }, isOfTime: boolean): void {
    const { transaction, task, to, from, run } = record;
    const row = rowOf(transaction, task);
    if (row !== undefined) {
      row.state = to;
      row.runs = run;
      if (isOfTime && from === "backingOff" && isUnderWay(to)) row.restarts += 1;
    }
    if (!isOfTime) return;
    transitionCount += 1;
    transitions = [...transitions, record].slice(-MOST_TRANSITIONS);
  }

  function addStates({ transaction, tasks }: HistoryRecord & { kind: "states" }): void {
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
      if (record.kind === "states") addStates(record);
      else if (record.kind === "transition") addTransition(record, isOfTime);
      else if (isOfTime) addSample(record);
    },
    read(isRunning) {
      const { gaps: found, wasKilled } = gaps.read(isRunning);
      if (wasKilled) loseAll();
      const histories = new Map([...courses].map(([id, course]) => [id, course.read()]));
      const time = { fromMs: courseFromMs, toMs: untilMs, parts: parts() };
      const tasks = [...rows.values()].map((row) => taskReportOf(row, histories.get(row.transaction), time));
      const shown = found.filter(({ toMs = untilMs }) => toMs >= sinceMs);
      return { span, tasks, leftOut: leftOut.size, transitions, transitionCount, gaps: shown };
    },
  };
}

function taskReportOf(row: Row, history: History | undefined, time: Course): TaskReport {
  const { transaction, id, state, runs, restarts, samples } = row;
  const own = history && ownMember(history.tasks, id);
  const course = (values: readonly (number | null)[] = []) => courseOf(history?.timesMs ?? [], values, time);
  const figures = samples === 0 ? undefined : row;
  return {
    ...{ transaction, id, state, runs, restarts },
    cpuMean: figures && figures.cpuSum / samples,
    cpuMost: figures?.cpuMost,
    memoryLast: figures?.memoryLast,
    memoryMost: figures?.memoryMost,
    cpuCourse: course(own?.cpuPercent),
    memoryCourse: course(own?.residentBytes),
  };
}

interface Course {
  fromMs: number;
  toMs: number;
  parts: number;
}

/** A value for each part of the time; undefined for parts that have no row. */
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
