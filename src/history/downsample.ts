// Reduces figures of any length of time to a bounded number of rows. Each row stands for an equal part of the time, with the
// mean of CPU and the maximum of memory. A pause is a row without figures, so that no line is drawn across it. Pure.
import type { Figures, History } from "./figures.ts";
import { createSummary } from "./summary.ts";
import { createTimeSeries, PAUSE_MS } from "./time-series.ts";

export interface Downsample {
  /**
   * After a clock was set back, older figures count in the part that has been reached; figures after the end of the time,
   * written before that, are left out.
   */
  add(figures: Figures): void;
  /** The oldest first. */
  read(): History;
}

export function createDownsample({
  sinceMs,
  untilMs,
  points,
}: {
  sinceMs: number;
  untilMs: number;
  points: number;
}): Downsample {
  const partMs = Math.max(1, (untilMs - sinceMs) / points);
  const series = createTimeSeries(points);
  const summary = createSummary();
  let reached = 0;
  let lastMs = Number.POSITIVE_INFINITY;

  function close(): void {
    const row = summary.take();
    // The rows stay in order when a clock was set back.
    const beginMs = Math.ceil(sinceMs + reached * partMs);
    if (row !== undefined) series.add({ ...row, atMs: Math.max(row.atMs, beginMs) });
  }

  return {
    add(figures) {
      if (figures.atMs > untilMs) return;
      const part = Math.min(points - 1, Math.floor((figures.atMs - sinceMs) / partMs));
      if (part > reached) {
        close();
        // In a short time the samples may be further apart than the parts are long.
        const isPause = figures.atMs - lastMs > PAUSE_MS && part > reached + 1;
        if (isPause) series.add({ ...figures, atMs: sinceMs + (reached + 1) * partMs, tasks: {} });
        reached = part;
      }
      lastMs = figures.atMs;
      summary.add(figures);
    },
    read() {
      close();
      return series.read();
    },
  };
}
