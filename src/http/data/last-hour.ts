// Keeps the last hour of a transaction's figures: every sample for five minutes, then one row for ten seconds, with the mean
// of CPU and the maximum of memory. Bounded: 100 tasks take half a megabyte. Pure.
import type { Figures, History } from "../../history/figures.ts";
import { createSummary } from "../../history/summary.ts";
import { createTimeSeries, PAUSE_MS } from "../../history/time-series.ts";
import { ownMember } from "../../protocol/json.ts";

/** How far back it reaches. */
export const LAST_HOUR_MS = 3_600_000;
const FINE = 300;
const COARSE_MS = 10_000;
const COARSE = LAST_HOUR_MS / COARSE_MS + 1;

export interface LastHour {
  add(figures: Figures): void;
  /** The oldest first; the fine rows take over where they begin. */
  read(): History;
}

export function createLastHour(): LastHour {
  const fine = createTimeSeries(FINE);
  const coarse = createTimeSeries(COARSE);
  const summary = createSummary();
  let period = Number.NaN;
  let lastMs = Number.NEGATIVE_INFINITY;

  return {
    add(figures) {
      const { atMs } = figures;
      const now = Math.floor(atMs / COARSE_MS);
      const gathered = now === period ? undefined : summary.take();
      if (gathered !== undefined) coarse.add(gathered);
      period = now;
      if (atMs - lastMs > PAUSE_MS && lastMs > 0) {
        for (const series of [fine, coarse]) series.add({ ...figures, atMs: lastMs + 1, tasks: {} });
      }
      fine.add(figures);
      summary.add(figures);
      lastMs = atMs;
    },
    read() {
      const recent = fine.read();
      const [fromMs = Number.POSITIVE_INFINITY] = recent.timesMs;
      return join(coarse.read(fromMs), recent);
    },
  };
}

/** The rows that are not older than a time. */
export function rowsSince({ timesMs, tasks }: History, sinceMs: number): History {
  const first = timesMs.findIndex((timeMs) => timeMs >= sinceMs);
  const from = first === -1 ? timesMs.length : first;
  const shown = Object.entries(tasks).map(([id, { cpuPercent, residentBytes }]) => [
    id,
    { cpuPercent: cpuPercent.slice(from), residentBytes: residentBytes.slice(from) },
  ]);
  return { timesMs: timesMs.slice(from), tasks: Object.fromEntries(shown) };
}

function join(before: History, after: History): History {
  const ids = new Set([...Object.keys(before.tasks), ...Object.keys(after.tasks)]);
  const rowOf = (history: History, id: string, name: "cpuPercent" | "residentBytes") =>
    ownMember(history.tasks, id)?.[name] ?? history.timesMs.map(() => null);
  const tasks = [...ids].map((id) => [
    id,
    {
      cpuPercent: [...rowOf(before, id, "cpuPercent"), ...rowOf(after, id, "cpuPercent")],
      residentBytes: [...rowOf(before, id, "residentBytes"), ...rowOf(after, id, "residentBytes")],
    },
  ]);
  return { timesMs: [...before.timesMs, ...after.timesMs], tasks: Object.fromEntries(tasks) };
}
