// Draws what is shown of the chosen task beside its figures, its log and why it stands where it does, and the dead letters.
// Pure.
import type { OpenedLetter } from "../../src/http/contract/api.ts";
import { isGap, type LogRecord } from "../../src/logs/records.ts";
import { tellWhy, type Why } from "../kept/why.ts";
import { createDating } from "../log-view.ts";
import type { Read } from "./reading.ts";
import type { TaskLines } from "./task-log.ts";
import type { Line, Piece } from "./terminal/pieces.ts";
import type { Style } from "./terminal/states.ts";
import { broken, clean, columnsOf, fill, itemsText, timeOfDay } from "./terminal/text.ts";

type Letter = Pick<OpenedLetter, "id" | "event" | "group" | "reason" | "attempts" | "last_at" | "error">;

/** What is shown beside what the provider publishes. */
export interface DeskFacts {
  log: TaskLines;
  why: Read<Why>;
  letters: Read<readonly Letter[]>;
  letter: Read<OpenedLetter | undefined>;
  /** What has become of the last order. */
  said: { text: string; isBad: boolean } | undefined;
}

export const NO_FACTS: DeskFacts = {
  ...{ log: { records: [], isRead: false }, why: {}, letters: {}, letter: {}, said: undefined },
};

// --- the log of a task -----------------------------------------------------------------------------------------------

/** The lines of a log that contain the words; long ones go on below their beginning. */
export function logLines({ records, isRead, fault }: TaskLines, search: string, columns: number): Line[] {
  const meant = search.toLowerCase();
  const shown = records.filter((record) => meant === "" || textOf(record).toLowerCase().includes(meant));
  const lines = recordLines(shown, columns);
  if (fault !== undefined) return [...lines, { text: fault, style: "yellow" }];
  if (lines.length > 0) return lines;
  if (!isRead) return [{ text: "reading", style: "gray" }];
  return [
    { text: records.length === 0 ? "It has printed nothing yet." : `No line contains "${search}".`, style: "gray" },
  ];
}

/** The last lines of a log, so many that they fill a place; each in one line, however long it is. */
export function lastLogLines(log: TaskLines, rows: number): Line[] {
  return logLines({ ...log, records: log.records.slice(-rows) }, "", Number.POSITIVE_INFINITY).slice(-rows);
}

function recordLines(records: readonly LogRecord[], columns: number): Line[] {
  const dated = createDating(true);
  return records.flatMap((record): Line[] => {
    const { heading, stamp } = dated(new Date(record.time));
    const day: Line[] = heading === undefined ? [] : [{ text: heading, style: "gray" }];
    const [sign, signStyle, style] = looksOf(record);
    const lead: Piece[] = [
      { text: `${stamp} `, style: "gray" },
      { text: `${sign} `, style: signStyle },
    ];
    const indent = " ".repeat(stamp.length + 3);
    const parts = broken(textOf(record), Math.max(20, columns - indent.length));
    return [
      ...day,
      ...parts.map((text, index) => (index === 0 ? [...lead, { text, style }] : [{ text: indent }, { text, style }])),
    ];
  });
}

function looksOf(record: LogRecord): [sign: string, signStyle: Style, style: Style | undefined] {
  if (isGap(record)) return ["-", "yellow", "yellow"];
  const { stream, level } = record;
  const style = level === "error" ? "red" : level === "warn" ? "yellow" : level === "debug" ? "gray" : undefined;
  return stream === "stderr" ? ["!", "red", style] : ["|", "gray", style];
}

function textOf(record: LogRecord): string {
  if (isGap(record)) return `${record.lost} lines are missing: ${clean(record.reason)}`;
  const { line, fields } = record;
  return fields === undefined ? clean(line) : `${clean(line)} ${itemsText(fields)}`;
}

// --- why ---------------------------------------------------------------------------------------------------------------

export function whyLines({ answer, fault }: Read<Why>, { columns, nowMs }: { columns: number; nowMs: number }): Line[] {
  if (fault !== undefined) return [{ text: fault, style: "yellow" }];
  if (answer === undefined) return [{ text: "reading", style: "gray" }];
  return tellWhy(answer, { nowMs, columns, hasHeadings: true }).map(({ stamp, text }) => [
    { text: stamp, style: "gray" as const },
    { text: clean(text) },
  ]);
}

// --- dead letters --------------------------------------------------------------------------------------------------------

const HEADS = ["LAST", "EVENT", "GROUP", "REASON", "ATTEMPTS", "ERROR"];

/** The table of dead letters, the newest first; its head is the first line. */
export function letterLines({ answer, fault }: Read<readonly Letter[]>, chosen: number): Line[] {
  if (fault !== undefined) return [{ text: fault, style: "yellow" }];
  if (answer === undefined) return [{ text: "reading", style: "gray" }];
  if (answer.length === 0) return [{ text: "No group has given up an event.", style: "gray" }];
  const rows = answer.map(({ event, group, reason, attempts, last_at: last, error }) => [
    ...[timeOfDay(last), clean(event), clean(group), clean(reason), `${attempts}`],
    clean(`${error.name}: ${error.message}`),
  ]);
  const widths = HEADS.map((head, at) => Math.max(head.length, ...rows.map((row) => columnsOf(row[at] ?? ""))));
  const lineOf = (cells: readonly string[]) => cells.map((cell, at) => fill(cell, widths[at] ?? 0)).join("  ");
  return [
    { text: `  ${lineOf(HEADS)}`, style: "bold" },
    ...rows.map((row, index) => ({
      text: `${index === chosen ? "> " : "  "}${lineOf(row)}`,
      style: index === chosen ? ("inverse" as const) : undefined,
    })),
  ];
}

/** One of them with what it says. */
export function openedLines({ answer, fault }: Read<OpenedLetter | undefined>): Line[] {
  if (fault !== undefined) return [{ text: fault, style: "yellow" }];
  if (answer === undefined) return [{ text: "It is read, or is gone.", style: "gray" }];
  const { event, group, reason, attempts, handler, error, first_at: first, last_at: last } = answer;
  const content =
    "payload" in answer ? JSON.stringify(answer.payload, undefined, 2) : `can't be read: ${answer.unreadable}`;
  return [
    { text: clean(event), style: "bold" },
    { text: `group ${clean(group)}  ${clean(reason)}  attempts ${attempts}  handled by ${clean(handler) || "nobody"}` },
    { text: `first ${new Date(first).toISOString()}  last ${new Date(last).toISOString()}`, style: "gray" },
    { text: clean(`${error.name}: ${error.message}`), style: "yellow" },
    { text: "" },
    ...[content, error.stack ?? ""].flatMap((text) => text.split("\n")).map((text) => ({ text: clean(text) })),
  ];
}
