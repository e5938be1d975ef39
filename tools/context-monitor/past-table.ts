// The report on a history as people read it. Pure.
import type { Transition } from "../../src/history/transition.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { columns } from "../columns.ts";
import type { Gap } from "./past-gaps.ts";
import { PARTS, type Past, type PastTask } from "./past-report.ts";
import { stateText } from "./states.ts";
import { clean, cpuScale, cut, duration, memoryScale, sparkline } from "./text.ts";

export interface PastLooks {
  isUnicode: boolean;
  /** Draws the course of the figures. */
  hasSparklines: boolean;
}

/** A name that takes more columns is cut: one of them would make each line of the table as long. */
const MOST_COLUMNS = 100;

/** Lines: the tasks, when no provider ran, the last steps. */
export function drawPast({ span, tasks, leftOut, steps, stepCount, gaps }: Past, looks: PastLooks): string[] {
  if (span === undefined) return [];
  const lines = [`from ${moment(span.fromMs)} to ${moment(span.toMs)}`, "", ...tableOf(tasks, looks).split("\n")];
  if (leftOut > 0) lines.push(`and ${leftOut} more tasks, which --transaction shows`);
  if (gaps.length > 0) lines.push("", ...gaps.map(gapLine));
  if (stepCount > 0) {
    const which = stepCount > steps.length ? `the last ${steps.length} of ${stepCount} steps` : "steps";
    lines.push("", `${which}:`, ...steps.map(stepLine));
  }
  return lines;
}

function tableOf(tasks: readonly PastTask[], { isUnicode, hasSparklines }: PastLooks): string {
  const isMany = new Set(tasks.map(({ transaction }) => transaction)).size > 1;
  const name = (text: string) => cut(clean(text), MOST_COLUMNS, isUnicode ? "…" : "...");
  const course = (text: string) => (hasSparklines ? [text] : []);
  const head = [
    ...(isMany ? ["TRANSACTION"] : []),
    ...["TASK", "STATE", "RUNS", "RESTARTS", "CPU %", "MAX", ...course("COURSE")],
    ...["RSS MiB", "MAX", ...course("COURSE")],
  ];
  const rows = tasks.map((task) => [
    ...(isMany ? [name(task.transaction)] : []),
    name(task.id),
    task.state === "" ? "-" : stateText(name(task.state), isUnicode),
    `${task.runs ?? "-"}`,
    `${task.restarts}`,
    figure(task.cpuMean),
    figure(task.cpuMost),
    ...course(sparkline(task.cpuCourse, PARTS, { scale: cpuScale(task.cpuCourse), isUnicode })),
    figure(task.rssLast, MIB_BYTES),
    figure(task.rssMost, MIB_BYTES),
    ...course(sparkline(task.rssCourse, PARTS, { scale: memoryScale(task.rssCourse), isUnicode })),
  ]);
  return columns(head, rows);
}

function figure(value: number | undefined, unit = 1): string {
  return value === undefined ? "-" : (value / unit).toFixed(1);
}

function gapLine({ fromMs, toMs, wasKilled }: Gap): string {
  const how = wasKilled ? "it was killed" : "it had left";
  if (toMs === undefined) return `no provider since ${moment(fromMs)}: ${how}`;
  return `no provider from ${moment(fromMs)} to ${moment(toMs)}, ${duration((toMs - fromMs) / 1_000)}: ${how}`;
}

function stepLine({ time, transaction, task, from, to, event, cause, reason }: Transition): string {
  const why = [event, cause ?? reason].filter((word) => word !== undefined).join(": ");
  return [moment(Date.parse(time)), ...[transaction, task, to, `from ${from}`, why].map(clean)].join("  ");
}

/** `2026-01-31 12:04:31`, by the clock on the wall here. */
function moment(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${date.toTimeString().slice(0, 8)}`;
}
