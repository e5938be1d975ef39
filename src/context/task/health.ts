// Finds out how a running task is: whether it gets ready in time, whether its event loop gives signs of life, whether it
// is halted, and whether it is larger than it may be. Tells the lifecycle, and ends nothing itself.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import type { RunningProbe } from "../../launch/probe.ts";
import type { Surroundings } from "../../launch/surroundings.ts";
import type { Watchdog } from "../../liveness.ts";
import type { Beat } from "../../protocol/pipe.ts";
import type { StreamFigures } from "../../protocol/stream-figures.ts";
import type { LifecycleEvent } from "./life.ts";
import type { ProcessesFound, TaskHost } from "./task-contract.ts";
import { createTimers } from "./timers.ts";

/** The health of the present run of one task. */
export interface Health {
  /** What its event loop has said last; a program says nothing. */
  readonly beat: Beat | undefined;
  /** What it has counted of the queues that it sends to and consumes. */
  readonly streams: readonly StreamFigures[];
  /** The process is there: from now on the time to get ready runs. */
  awaitReady(surroundings: Surroundings): void;
  stopAwaitingReady(): void;
  /** It runs: from now on it is asked whether it is alive. */
  watchLiveness(surroundings: Surroundings): void;
  stopWatchingLiveness(): void;
  hearLine(line: string): void;
  hearBeat(beat: Beat): void;
  hearStreams(streams: readonly StreamFigures[]): void;
  inspect(processes: ProcessesFound): void;
  /** The run is over. */
  end(): void;
}

export interface HealthOptions {
  host: Pick<TaskHost, "programs" | "liveness" | "nowMs">;
  /** The definition that holds now. */
  task(): TaskServiceConfig;
  /** Resolves when what the present run had told before the call has been read. */
  caughtUp(): Promise<void>;
  tell(event: LifecycleEvent): void;
}

const MEMORY_FIGURES = {
  pss: "PSS",
  rss: "RSS, which counts shared memory in each process",
  mixed: "PSS, and RSS where that can't be read",
} as const;

export function createHealth({ host, task, caughtUp, tell }: HealthOptions): Health {
  const timers = createTimers<"ready" | "late">();
  let probe: RunningProbe | undefined;
  let livenessProbe: Pick<RunningProbe, "stop"> | undefined;
  let watchdog: Watchdog | undefined;
  /** What that allows; another definition may allow something else. */
  let allowedMs = 0;
  let beat: Beat | undefined;
  let streams: readonly StreamFigures[] = [];
  /** Since when it has been halted, as far as it was looked at. */
  let haltedMs: number | undefined;

  function awaitReady(surroundings: Surroundings): void {
    const { command, supervision } = task();
    if (supervision.probe !== undefined)
      probe = host.programs.probe(task(), surroundings, () => tell({ type: "ready" }));
    // A program without a probe has started once it has lived for a while, so it can't be late.
    else if (command !== undefined) return timers.arm("ready", command.readyAfterMs, () => tell({ type: "ready" }));
    timers.arm("late", supervision.readyTimeoutMs, () => tell({ type: "readyLate", reason: whyLate() }));
  }

  function stopWatchingLiveness(): void {
    livenessProbe?.stop();
    livenessProbe = undefined;
  }

  function whyLate(): string {
    const fault = probe?.lastFault === undefined ? "" : `: ${probe.lastFault}`;
    return `not ready within ${seconds(task().supervision.readyTimeoutMs)}${fault}`;
  }

  function hearBeat(next: Beat): void {
    beat = next;
    const { heartbeatTimeoutMs } = task().supervision;
    if (allowedMs !== heartbeatTimeoutMs) {
      watchdog?.end();
      watchdog = undefined;
    }
    allowedMs = heartbeatTimeoutMs;
    watchdog ??= host.liveness.startWatchdog(
      heartbeatTimeoutMs,
      () => tell({ type: "silent", reason: `no heartbeat for ${seconds(heartbeatTimeoutMs)}` }),
      caughtUp,
    );
    watchdog.beat(next);
  }

  // A program has no heartbeat, but whether it is halted can be seen from outside.
  function checkHalted(isHalted: boolean): void {
    const { command, supervision } = task();
    const { heartbeatMs, heartbeatTimeoutMs } = supervision;
    haltedMs = isHalted ? (haltedMs ?? host.nowMs()) : undefined;
    if (command === undefined || heartbeatMs === 0 || haltedMs === undefined) return;
    if (host.nowMs() - haltedMs < heartbeatTimeoutMs) return;
    tell({ type: "silent", reason: `halted by a signal for ${seconds(heartbeatTimeoutMs)}` });
  }

  function checkSize({ mib, figure }: NonNullable<ProcessesFound["memory"]>): void {
    const { memoryMaxMib } = task().supervision;
    if (memoryMaxMib === undefined || mib <= memoryMaxMib) return;
    const held = `${Math.round(mib)} MiB (${MEMORY_FIGURES[figure]})`;
    tell({ type: "tooLarge", reason: `its processes hold ${held}, more than ${memoryMaxMib} MiB` });
  }

  return {
    get beat() {
      return beat;
    },
    get streams() {
      return streams;
    },
    awaitReady,
    stopAwaitingReady() {
      timers.disarm("ready");
      timers.disarm("late");
      probe?.stop();
      probe = undefined;
    },
    watchLiveness(surroundings) {
      stopWatchingLiveness();
      livenessProbe = host.programs.liveness(task(), surroundings, (reason) => tell({ type: "silent", reason }));
    },
    stopWatchingLiveness,
    hearLine: (line) => probe?.line(line),
    hearBeat,
    hearStreams(told) {
      streams = told;
    },
    inspect({ memory, isHalted }) {
      checkHalted(isHalted);
      if (memory !== undefined) checkSize(memory);
    },
    end() {
      stopWatchingLiveness();
      watchdog?.end();
      watchdog = undefined;
      beat = undefined;
      streams = [];
      haltedMs = undefined;
    },
  };
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}
