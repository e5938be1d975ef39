// Draws the report on a history as lines of text. Pure.

import { wordsFor } from "../../../src/protocol/task-state.ts";
import type { Transition } from "../../../src/protocol/transition.ts";
import { MIB_BYTES } from "../../../src/units.ts";
import { columns } from "../../columns.ts";
import { stateText } from "../terminal/states.ts";
import { clean, cpuScale, cut, duration, memoryScale, sparkline } from "../terminal/text.ts";
import { type HistoryReport, PARTS, type TaskReport } from "./history-report.ts";
import type { Gap } from "./provider-gaps.ts";

export interface ReportStyle {
  isUnicode: boolean;
  /** Whether the course of the figures is drawn. */
  hasSparklines: boolean;
}

/** A longer name is cut: it would make every line of the table as long. */
const MOST_COLUMNS = 100;

/** Lines: the tasks, when no provider ran, the last transitions. */
export function drawReport(
  { span, tasks, leftOut, transitions, transitionCount, gaps }: HistoryReport,
  style: ReportStyle,
): string[] {
  if (span === undefined) return [];
  const lines = [`from ${moment(span.fromMs)} to ${moment(span.toMs)}`, "", ...tableOf(tasks, style).split("\n")];
  if (leftOut > 0) lines.push(`and ${leftOut} more tasks, which --transaction shows`);
  if (gaps.length > 0) lines.push("", ...gaps.map(gapLine));
  if (transitionCount > 0) {
    const which =
      transitionCount > transitions.length
        ? `the last ${transitions.length} of ${transitionCount} transitions`
        : "transitions";
    lines.push("", `${which}:`, ...transitions.map(transitionLine));
  }
  return lines;
}

function tableOf(tasks: readonly TaskReport[], { isUnicode, hasSparklines }: ReportStyle): string {
  const isMany = new Set(tasks.map(({ transaction }) => transaction)).size > 1;
  const name = (text: string) => cut(clean(text), MOST_COLUMNS, isUnicode ? "…" : "...");
  const course = (text: string) => (hasSparklines ? [text] : []);
  const head = [
    ...(isMany ? ["TRANSACTION"] : []),
    ...["TASK", "STATE", "RUNS", "RESTARTS", "CPU %", "MAX", ...course("COURSE")],
    ...["MEM MiB", "MAX", ...course("COURSE")],
  ];
  const rows = tasks.map((task) => [
    ...(isMany ? [name(task.transaction)] : []),
    name(task.id),
    task.state === "" ? "-" : name(stateText(task.state, isUnicode)),
    `${task.runs ?? "-"}`,
    `${task.restarts}`,
    figure(task.cpuMean),
    figure(task.cpuMost),
    ...course(sparkline(task.cpuCourse, PARTS, { scale: cpuScale(task.cpuCourse), isUnicode })),
    figure(task.memoryLast, MIB_BYTES),
    figure(task.memoryMost, MIB_BYTES),
    ...course(sparkline(task.memoryCourse, PARTS, { scale: memoryScale(task.memoryCourse), isUnicode })),
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

function transitionLine({ time, transaction, task, from, to, event, cause, reason }: Transition<string>): string {
  const why = [event, cause ?? reason].filter((word) => word !== undefined).join(": ");
  return [
    moment(Date.parse(time)),
    ...[transaction, task, wordsFor(to), `from ${wordsFor(from)}`, why].map(clean),
  ].join("  ");
}

/** `2026-01-31 12:04:31`, in local time. */
function moment(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${date.toTimeString().slice(0, 8)}`;
}
