// Many figures of a transaction as one: of each task the mean of its CPU, and the most of its memory. Pure; what it
// holds does not grow with what it is given. Pure.
import type { Figures } from "./figures.ts";
import { MAX_TASKS } from "./track.ts";

export interface Summary {
  add(figures: Figures): void;
  /** All since the last time, at the time of the last one; undefined where there was none. Begins anew. */
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
