// Figures of any length of time as so many rows at most. Each row stands for an equal part of the time, and has the
// mean of CPU and the most of memory in it; a part without figures after one with some is a row without any, so that no
// line is drawn across it. Pure.
import type { Figures, History } from "./figures.ts";
import { createSummary } from "./summary.ts";
import { createTrack, PAUSE_MS } from "./track.ts";

export interface Downsample {
  /**
   * What comes from before the part that has been reached, as after a clock was set back, counts there; what comes from
   * after all of them, written before that, is left out.
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
  const track = createTrack(points);
  const summary = createSummary();
  let reached = 0;
  let lastMs = Number.POSITIVE_INFINITY;

  function close(): void {
    const row = summary.take();
    // A clock that was set back must not bring the rows out of their order.
    const beginMs = Math.ceil(sinceMs + reached * partMs);
    if (row !== undefined) track.add({ ...row, atMs: Math.max(row.atMs, beginMs) });
  }

  return {
    add(figures) {
      if (figures.atMs > untilMs) return;
      const part = Math.min(points - 1, Math.floor((figures.atMs - sinceMs) / partMs));
      if (part > reached) {
        close();
        // Samples may be further apart than the parts of a short time are long.
        const isPause = figures.atMs - lastMs > PAUSE_MS && part > reached + 1;
        if (isPause) track.add({ ...figures, atMs: sinceMs + (reached + 1) * partMs, tasks: {} });
        reached = part;
      }
      lastMs = figures.atMs;
      summary.add(figures);
    },
    read() {
      close();
      return track.read();
    },
  };
}
