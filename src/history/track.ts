// Rows of figures in a ring; each task has a column. Pure, and bounded. Pure.
import type { Figures, History } from "./figures.ts";

/** Tasks of one transaction; those that come later are not kept. */
export const MAX_TASKS = 2_000;
/** A row without figures follows a pause that is longer than so many milliseconds. */
export const PAUSE_MS = 5_000;

export interface Track {
  add(figures: Figures): void;
  /** The rows before `beforeMs`. */
  read(beforeMs?: number): History;
}

interface Column {
  cpu: Float32Array;
  rss: Float64Array;
  /** Rows since it had a figure; of one that has none left nothing is kept. */
  idle: number;
}

/** So many rows, the last ones that came. */
export function createTrack(length: number): Track {
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
      const place = rows % length;
      rows += 1;
      times[place] = atMs;
      for (const [id, column] of columns) {
        [column.cpu[place], column.rss[place]] = [NaN, NaN];
        column.idle += 1;
        if (column.idle >= length) columns.delete(id);
      }
      for (const [id, [cpu, rss]] of Object.entries(tasks)) {
        const column = columnOf(id);
        if (column === undefined) continue;
        [column.cpu[place], column.rss[place]] = [cpu, rss];
        column.idle = 0;
      }
    },
    read(beforeMs = Number.POSITIVE_INFINITY) {
      const oldest = Math.max(0, rows - length);
      const places = Array.from({ length: rows - oldest }, (_, row) => (oldest + row) % length).filter(
        (place) => (times[place] as number) < beforeMs,
      );
      const tasks = [...columns].map(([id, { cpu, rss }]) => [
        id,
        {
          cpuPercent: places.map((place) => shown(cpu[place], 10)),
          residentBytes: places.map((place) => shown(rss[place], 1)),
        },
      ]);
      return { timesMs: places.map((place) => times[place] as number), tasks: Object.fromEntries(tasks) };
    },
  };
}

function shown(value: number | undefined, parts: number): number | null {
  return value === undefined || Number.isNaN(value) ? null : Math.round(value * parts) / parts;
}
