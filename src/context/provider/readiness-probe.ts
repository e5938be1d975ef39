// Starts the probe that a context file gives a task: in its working folder, with the environment and the limits of its own
// processes.
import { randomUUID } from "node:crypto";
import { runsIn } from "../../launch/environment/task-environment.ts";
import { limitsOf } from "../../launch/launcher.ts";
import { type RunningProbe, startProbe } from "../../launch/probe.ts";
import { startProgram } from "../../launch/process/child.ts";
import type { ProcessOwnership } from "../../launch/process/process-ownership.ts";
import type { Log } from "../../log.ts";
import type { TaskHost } from "../task/task-contract.ts";

export interface ProbeOptions {
  /** Of the context file: where probes run by default. */
  folder: string;
  ownership: ProcessOwnership;
  log: Log;
}

export function createProbeStarter({ folder, ownership, log }: ProbeOptions): TaskHost["probe"] {
  return (task, environment, onReady) => {
    const { id, supervision } = task;
    if (supervision.probe === undefined) return NO_PROBE;
    // What a program of a probe leaves behind gets no grace period, and must not keep its answer from counting.
    const events = { onSpawned() {}, onLeftovers() {}, onStuck() {} };
    const where = runsIn(task, folder) ?? folder;
    const limits = limitsOf(supervision);
    const processOptions = { environment, limits, folder: where, stopSignal: "SIGKILL" } as const;
    return startProbe(supervision.probe, {
      search: { folder, runsIn: where, environment },
      onReady,
      onFaulty: (reason) => log.warn({ task: id, reason }, "faulty probe"),
      run: (program, told) =>
        startProgram({ ...program, ...processOptions, run: randomUUID() }, ownership, { ...events, ...told }),
    });
  };
}

const NO_PROBE: RunningProbe = { lastFault: undefined, line() {}, stop() {} };
