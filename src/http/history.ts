// The last hour of a transaction's figures: each sample for five minutes, then one for ten seconds, which has the mean
// of their CPU and the most of their memory. Pure, and bounded: 100 tasks take half a megabyte.
import type { Figures, History } from "./wire.ts";

const FINE = 300;
const COARSE = 361;
const COARSE_MS = 10_000;
/** A row without figures follows a pause that is longer than so many milliseconds. */
const PAUSE_MS = 5_000;
/** Tasks of one transaction; those that come later are not kept. */
const MAX_TASKS = 2_000;

export interface FigureHistory {
  add(figures: Figures): void;
  /** The oldest first; the fine rows take over where they begin. */
  read(): History;
}

export function createHistory(): FigureHistory {
  const fine = createTrack(FINE);
  const coarse = createTrack(COARSE);
  let gathered: Figures[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;

  return {
    add(figures) {
      const { atMs } = figures;
      const isNewTime = gathered.length > 0 && Math.floor(atMs / COARSE_MS) !== timeOf(gathered);
      if (isNewTime) {
        coarse.add(summaryOf(gathered));
        gathered = [];
      }
      if (atMs - lastMs > PAUSE_MS && lastMs > 0) {
        for (const track of [fine, coarse]) track.add({ ...figures, atMs: lastMs + 1, tasks: {} });
      }
      fine.add(figures);
      gathered.push(figures);
      lastMs = atMs;
    },
    read() {
      const recent = fine.read();
      const [fromMs = Number.POSITIVE_INFINITY] = recent.timesMs;
      return join(coarse.read(fromMs), recent);
    },
  };
}

function timeOf([first]: readonly Figures[]): number {
  return Math.floor((first?.atMs ?? 0) / COARSE_MS);
}

function summaryOf(gathered: readonly Figures[]): Figures {
  const last = gathered.at(-1) as Figures;
  const ids = new Set(gathered.flatMap(({ tasks }) => Object.keys(tasks)));
  const tasks = [...ids].map((id) => {
    const found = gathered.flatMap(({ tasks }) => (tasks[id] === undefined ? [] : [tasks[id]]));
    const cpu = found.reduce((sum, [percent]) => sum + percent, 0) / found.length;
    return [id, [cpu, Math.max(...found.map(([, bytes]) => bytes))]] as const;
  });
  return { ...last, tasks: Object.fromEntries(tasks) };
}

interface Column {
  cpu: Float32Array;
  rss: Float64Array;
  /** Rows since it had a figure; of one that has none left nothing is kept. */
  idle: number;
}

interface Track {
  add(figures: Figures): void;
  /** The rows before `beforeMs`. */
  read(beforeMs?: number): History;
}

/** Rows in a ring; each task has a column. */
function createTrack(length: number): Track {
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

function join(before: History, after: History): History {
  const ids = new Set([...Object.keys(before.tasks), ...Object.keys(after.tasks)]);
  const rowOf = (history: History, id: string, name: "cpuPercent" | "residentBytes") =>
    history.tasks[id]?.[name] ?? history.timesMs.map(() => null);
  const tasks = [...ids].map((id) => [
    id,
    {
      cpuPercent: [...rowOf(before, id, "cpuPercent"), ...rowOf(after, id, "cpuPercent")],
      residentBytes: [...rowOf(before, id, "residentBytes"), ...rowOf(after, id, "residentBytes")],
    },
  ]);
  return { timesMs: [...before.timesMs, ...after.timesMs], tasks: Object.fromEntries(tasks) };
}
