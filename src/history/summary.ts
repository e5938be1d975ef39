// Sums up figures of a transaction: of each task the mean of CPU and the maximum of memory. What it holds does not grow with
// the number of figures. Pure.
import type { Figures } from "./figures.ts";
import { MAX_TASKS } from "./time-series.ts";

export interface Summary {
  add(figures: Figures): void;
  /** The sum since the last call, at the time of the last figures; undefined without any. Begins again. */
  take(): Figures | undefined;
}

export function createSummary(): Summary {
  let last: Figures | undefined;
  let sums = new Map<string, { cpu: number; samples: number; most: number }>();

  return {
    add(figures) {
      last = figures;
      for (const [id, [cpu, bytes]] of Object.entries(figures.tasks)) {
        const sum = sums.get(id);
        if (sum === undefined) {
          if (sums.size < MAX_TASKS) sums.set(id, { cpu, samples: 1, most: bytes });
        } else {
          sum.cpu += cpu;
          sum.samples += 1;
          sum.most = Math.max(sum.most, bytes);
        }
      }
    },
    take() {
      if (last === undefined) return undefined;
      const { transaction, atMs } = last;
      const tasks = [...sums].map(([id, { cpu, samples, most }]) => [id, [cpu / samples, most]] as const);
      last = undefined;
      sums = new Map();
      return { transaction, atMs, tasks: Object.fromEntries(tasks) };
    },
  };
}
