// A bounded time series of figures: a ring of rows, with a column for each task. Pure.
import type { Figures, History } from "./figures.ts";

/** How many tasks of a transaction are kept; later ones are left out. */
export const MAX_TASKS = 2_000;
/** After a pause longer than this, in milliseconds, the series has a row without figures. */
export const PAUSE_MS = 5_000;

export interface TimeSeries {
  add(figures: Figures): void;
  /** The rows before `beforeMs`. */
  read(beforeMs?: number): History;
}

interface Column {
  cpu: Float32Array;
  rss: Float64Array;
  /** Rows since its last figure; a column without any figure left is dropped. */
  idle: number;
}

/** Keeps the last `length` rows. */
export function createTimeSeries(length: number): TimeSeries {
  const times = new Float64Array(length);
  const columns = new Map<string, Column>();
  let rows = 0;

  function columnOf(id: string): Column | undefined {
    const known = columns.get(id);
    if (known !== undefined || columns.size >= MAX_TASKS) return known;
    const column = { cpu: new Float32Array(length).fill(NaN), rss: new Float64Array(length).fill(NaN), idle: 0 };
    columns.set(id, column);
    return column;
  }

  return {
    add({ atMs, tasks }) {
      const index = rows % length;
      rows += 1;
      times[index] = atMs;
      for (const [id, column] of columns) {
        [column.cpu[index], column.rss[index]] = [NaN, NaN];
        column.idle += 1;
        if (column.idle >= length) columns.delete(id);
      }
      for (const [id, [cpu, rss]] of Object.entries(tasks)) {
        const column = columnOf(id);
        if (column === undefined) continue;
        [column.cpu[index], column.rss[index]] = [cpu, rss];
        column.idle = 0;
      }
    },
    read(beforeMs = Number.POSITIVE_INFINITY) {
      const oldest = Math.max(0, rows - length);
      const indexes = Array.from({ length: rows - oldest }, (_, row) => (oldest + row) % length).filter(
        (index) => (times[index] as number) < beforeMs,
      );
      const tasks = [...columns].map(([id, { cpu, rss }]) => [
        id,
        {
          cpuPercent: indexes.map((index) => shown(cpu[index], 10)),
          residentBytes: indexes.map((index) => shown(rss[index], 1)),
        },
      ]);
      return { timesMs: indexes.map((index) => times[index] as number), tasks: Object.fromEntries(tasks) };
    },
  };
}

function shown(value: number | undefined, parts: number): number | null {
  return value === undefined || Number.isNaN(value) ? null : Math.round(value * parts) / parts;
}
