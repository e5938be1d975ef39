// The columns of the table: what each shows of a task, which of them fit into a width, and how wide they are. Pure.
import { nextRunWords } from "../log-view.ts";
import { eventText, type TaskRow } from "./model.ts";
import { type Style, stateText, styleOf } from "./terminal/states.ts";
import { columnsOf, cpuScale, duration, memoryScale, sparkline, timeOfDay } from "./terminal/text.ts";
import type { Sort } from "./view.ts";

/** What the text of a cell depends on besides the task. */
export interface CellOptions {
  width: number;
  isUnicode: boolean;
}

export interface Column {
  head: string;
  sort?: Sort;
  isRight?: boolean;
  /** Cut in the middle where it is too long. */
  isName?: true;
  /** Where there is no room for all, the column with the highest rank is left out first. */
  rank: number;
  min: number;
  max: number;
  text(row: TaskRow, options: CellOptions): string;
  style?(row: TaskRow): Style | undefined;
  /** It draws one value a sample. */
  isSparkline?: true;
}

const GAP = 2;
/** From this width on the last event is shown with its time. */
const TIMED = 24;
const quiet = () => "gray" as const;
const cpuStyle = ({ cpu = 0 }: TaskRow) => (cpu >= 90 ? ("red" as const) : cpu >= 50 ? ("yellow" as const) : undefined);

const TRANSACTION: Column = {
  head: "TRANSACTION",
  isName: true,
  rank: 4.5,
  min: 4,
  max: 20,
  text: ({ transaction }) => transaction,
};

const LAST_EVENT: Column = {
  head: "LAST EVENT",
  sort: "event",
  rank: 5,
  min: 16,
  max: Number.POSITIVE_INFINITY,
  text: lastEvent,
  style: quiet,
};

const TASK: Column = { head: "TASK", sort: "task", isName: true, rank: 1, min: 6, max: 24, text: ({ id }) => id };
/** As wide as it gets where there is room: ids that are cut in the middle may look alike. */
const WIDEST_TASK = 64;

const COLUMNS: readonly Column[] = [
  TASK,
  { head: "SERVICE", isName: true, rank: 10, min: 7, max: 24, text: ({ service }) => service || "-" },
  {
    head: "STATE",
    sort: "state",
    rank: 2,
    min: 12,
    max: 14,
    text: ({ state }, { isUnicode }) => stateText(state, isUnicode),
    style: ({ state }) => styleOf(state),
  },
  { head: "PID", isRight: true, rank: 9, min: 5, max: 7, text: ({ pid }) => `${pid ?? "-"}` },
  {
    head: "CPU %",
    sort: "cpu",
    isRight: true,
    rank: 3,
    min: 6,
    max: 7,
    text: ({ cpu }) => cpu?.toFixed(1) ?? "-",
    style: cpuStyle,
  },
  {
    head: "CPU",
    rank: 6,
    min: 8,
    max: 20,
    isSparkline: true,
    text: ({ cpuHistory }, { width, isUnicode }) =>
      sparkline(cpuHistory, width, { scale: cpuScale(cpuHistory.slice(-width)), isUnicode }),
    style: (row) => cpuStyle(row) ?? "cyan",
  },
  {
    head: "MEM MiB",
    sort: "memory",
    isRight: true,
    rank: 4,
    min: 7,
    max: 9,
    text: ({ memory }) => memory?.toFixed(1) ?? "-",
  },
  {
    head: "MEM",
    rank: 11,
    min: 8,
    max: 20,
    isSparkline: true,
    text: ({ memoryHistory }, { width, isUnicode }) =>
      sparkline(memoryHistory, width, { scale: memoryScale(memoryHistory.slice(-width)), isUnicode }),
    style: () => "magenta",
  },
  {
    head: "RUNS",
    sort: "runs",
    isRight: true,
    rank: 7,
    min: 4,
    max: 6,
    text: ({ runs }) => `${runs}`,
    style: runsStyle,
  },
  {
    head: "UPTIME",
    sort: "uptime",
    isRight: true,
    rank: 8,
    min: 6,
    max: 7,
    text: ({ uptimeS }) => (uptimeS === undefined ? "-" : duration(uptimeS)),
  },
  LAST_EVENT,
];

function runsStyle({ restarts = 0 }: TaskRow): "yellow" | undefined {
  return restarts > 0 ? "yellow" : undefined;
}

function lastEvent({ last, pid, nextRun }: TaskRow, { width }: CellOptions): string {
  // What comes next says more of a task that waits for its time than that it was created, or has ended.
  if (nextRun !== undefined && pid === undefined) return nextRunWords(nextRun);
  if (last === undefined) return "-";
  const text = eventText(last);
  // In a narrow column the event matters more than its time.
  return last.atMs === undefined || width < TIMED ? text : `${timeOfDay(last.atMs)} ${text}`;
}

/** A column with its place. */
export interface Placed {
  column: Column;
  width: number;
}

/**
 * The columns that fit, each as wide as its texts; the sparklines and the last column take the room that is left.
 *
 * @param room - Columns of the terminal; infinite where nothing cuts a line.
 */
export function placeColumns(
  rows: readonly TaskRow[],
  { room, isUnicode, hasSparklines }: { room: number; isUnicode: boolean; hasSparklines: boolean },
): Placed[] {
  const isMany = new Set(rows.map(({ transaction }) => transaction)).size > 1;
  const wanted = (isMany ? [TRANSACTION, ...COLUMNS] : COLUMNS).filter((one) => hasSparklines || !one.isSparkline);
  const widths = new Map(wanted.map((column) => [column, widthFor(column, rows, isUnicode)]));
  let left = room + GAP;
  for (const [column, width] of [...widths].sort(([a], [b]) => a.rank - b.rank)) {
    const isFitting = width + GAP <= left;
    if (isFitting) left -= width + GAP;
    else widths.delete(column);
  }
  const placed = [...widths].map(([column, width]) => ({ column, width }));
  const [task, longest] = [TASK, LAST_EVENT].map((column) => longestOf(column, rows, isUnicode)) as [number, number];
  return widened(placed, { left, task, longest });
}

function widthFor(column: Column, rows: readonly TaskRow[], isUnicode: boolean): number {
  if (column.isSparkline || column === LAST_EVENT) return column.min;
  // The mark of the sort order stands beside the head.
  const head = column.head.length + (column.sort === undefined ? 0 : 1);
  return Math.min(Math.max(column.min, head, longestOf(column, rows, isUnicode)), column.max);
}

function longestOf(column: Column, rows: readonly TaskRow[], isUnicode: boolean): number {
  return Math.max(0, ...rows.map((row) => columnsOf(column.text(row, { width: column.max, isUnicode }))));
}

// The room that is left goes to the ids of tasks, to the last event up to 36 columns, then to the sparklines, then to the last
// event again.
function widened(placed: Placed[], { left, task, longest }: { left: number; task: number; longest: number }): Placed[] {
  const isLast = ({ column }: Placed) => column === LAST_EVENT;
  const give = (isMeant: (one: Placed) => boolean, mostOf: (column: Column) => number) => {
    for (const one of placed.filter(isMeant)) {
      const more = Math.max(0, Math.min(mostOf(one.column) - one.width, left));
      one.width += more;
      left -= more;
    }
  };
  give(
    ({ column }) => column === TASK,
    () => Math.min(task, WIDEST_TASK),
  );
  if (left === Number.POSITIVE_INFINITY) give(isLast, () => longest);
  else {
    give(isLast, () => Math.min(longest, 36));
    give(
      ({ column }) => column.isSparkline === true,
      ({ max }) => max,
    );
    give(isLast, ({ max }) => max);
  }
  return placed;
}
