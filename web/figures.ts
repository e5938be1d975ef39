// The rows behind the charts: those that the server has kept, and those that have come since. Pure.
import type { Figures, History } from "../src/http/contract/api.ts";

export type FigureName = "cpuPercent" | "residentBytes";

export interface Rows {
  readonly timesMs: number[];
  readonly tasks: Map<string, Record<FigureName, (number | null)[]>>;
}

export function noRows(): Rows {
  return { timesMs: [], tasks: new Map() };
}

export function rowsOf({ timesMs, tasks }: History): Rows {
  const rows: Rows = { timesMs: [...timesMs], tasks: new Map() };
  for (const [id, { cpuPercent, residentBytes }] of Object.entries(tasks))
    rows.tasks.set(id, { cpuPercent: [...cpuPercent], residentBytes: [...residentBytes] });
  return rows;
}

/** Adds a row at the end, unless it is not later than the last one, and so known already. */
export function addRow(rows: Rows, { atMs, tasks }: Figures): void {
  if (atMs <= (rows.timesMs.at(-1) ?? 0)) return;
  for (const id of Object.keys(tasks))
    if (!rows.tasks.has(id))
      rows.tasks.set(id, { cpuPercent: rows.timesMs.map(() => null), residentBytes: rows.timesMs.map(() => null) });
  rows.timesMs.push(atMs);
  const latest = new Map(Object.entries(tasks));
  for (const [id, columns] of rows.tasks) {
    const [cpu, rss] = latest.get(id) ?? [null, null];
    columns.cpuPercent.push(cpu);
    columns.residentBytes.push(rss);
  }
}

/** The part of the rows that is not older than so many milliseconds. */
export function recent(rows: Rows, name: FigureName, spanMs: number) {
  const end = rows.timesMs.at(-1) ?? 0;
  const from = rows.timesMs.findIndex((time) => time >= end - spanMs);
  const begin = from === -1 ? rows.timesMs.length : from;
  return {
    timesMs: rows.timesMs.slice(begin),
    tasks: new Map([...rows.tasks].map(([id, columns]) => [id, columns[name].slice(begin)])),
  };
}

/**
 * The tasks with the highest figures, and those that are wanted in any case; in the order of their ids. Idle ones are among
 * them where there is room for all, or where all are idle.
 */
export function highest(
  tasks: ReadonlyMap<string, readonly (number | null)[]>,
  { most, wanted }: { most: number; wanted: readonly string[] },
): string[] {
  const peaks = [...tasks]
    .map(([id, values]) => ({ id, peak: values.reduce<number>((peak, value) => Math.max(peak, value ?? -1), -1) }))
    .filter(({ peak }) => peak >= 0);
  peaks.sort((one, other) => other.peak - one.peak || (one.id < other.id ? -1 : 1));
  const first = peaks.filter(({ id }) => wanted.includes(id));
  const isCrowded = peaks.length > most && peaks.some(({ peak }) => peak > 0);
  const others = peaks.filter(({ id, peak }) => !wanted.includes(id) && !(isCrowded && peak === 0));
  return [...first, ...others]
    .slice(0, most)
    .map(({ id }) => id)
    .sort();
}
