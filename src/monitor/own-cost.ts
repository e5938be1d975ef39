// Measures what the provider itself takes, and how much of that is for sampling and publishing.
import { MIB_BYTES } from "../units.ts";

/** Of the provider's own process. */
export interface OwnCost {
  pid: number;
  /** Percent of one core since the last call. */
  cpu_percent: number;
  /** In MiB. */
  rss: number;
  heap: number;
  /** How late its event loop was at this sample. */
  loop_delay_ms: number;
  /** The part of that CPU for sampling and publishing, and how long they took, in seconds. */
  sampling: { cpu_percent: number; elapsed: number };
}

export interface OwnMeter {
  /** Does the work, and counts what it uses as the cost of sampling. */
  during<T>(work: () => T | Promise<T>): Promise<T>;
  /** The cost since the last call. */
  read(loopDelayMs: number): OwnCost;
}

/** @param nowMs - A monotonic clock. */
export function createOwnMeter(nowMs: () => number): OwnMeter {
  let lastMs = nowMs();
  let lastCpuMs = cpuMs();
  let samplingCpuMs = 0;
  let elapsedMs = 0;

  return {
    async during(work) {
      const [beganMs, beganCpuMs] = [nowMs(), cpuMs()];
      try {
        return await work();
      } finally {
        // What else ran meanwhile is counted as well, so this is an upper bound.
        samplingCpuMs += cpuMs() - beganCpuMs;
        elapsedMs += nowMs() - beganMs;
      }
    },
    read(loopDelayMs) {
      const [atMs, usedMs] = [nowMs(), cpuMs()];
      const share = (ms: number) => (100 * ms) / Math.max(1, atMs - lastMs);
      const { rss, heapUsed } = process.memoryUsage();
      const cost = {
        pid: process.pid,
        cpu_percent: share(usedMs - lastCpuMs),
        rss: rss / MIB_BYTES,
        heap: heapUsed / MIB_BYTES,
        loop_delay_ms: loopDelayMs,
        sampling: { cpu_percent: share(samplingCpuMs), elapsed: elapsedMs / 1_000 },
      };
      [lastMs, lastCpuMs, samplingCpuMs, elapsedMs] = [atMs, usedMs, 0, 0];
      return cost;
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
