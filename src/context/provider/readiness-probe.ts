// Starts the probe that a context file gives a task, with the environment that the task's own processes have.
import { randomUUID } from "node:crypto";
import { startProgram } from "../../launch/child.ts";
import { type RunningProbe, startProbe } from "../../launch/probe.ts";
import type { ProcessOwnership } from "../../launch/process-ownership.ts";
import type { Log } from "../../log.ts";
import type { TaskHost } from "../task/task-contract.ts";

export interface ProbeOptions {
  /** Of the context file: where programs of probes run. */
  folder: string;
  ownership: ProcessOwnership;
  log: Log;
}

export function createProbeStarter({ folder, ownership, log }: ProbeOptions): TaskHost["probe"] {
  return ({ id, supervision }, environment, onReady) => {
    if (supervision.probe === undefined) return NO_PROBE;
    // What a program of a probe leaves behind gets no grace period, and must not keep its answer from counting.
    const events = { onSpawned() {}, onLeftovers() {}, onStuck() {} };
    const processOptions = { environment, folder, stopSignal: "SIGKILL" } as const;
    return startProbe(supervision.probe, {
      folder,
      onReady,
      onFaulty: (reason) => log.warn({ task: id, reason }, "faulty probe"),
      run: (program, told) =>
        startProgram({ ...program, ...processOptions, run: randomUUID() }, ownership, { ...events, ...told }),
    });
  };
}

const NO_PROBE: RunningProbe = { lastFault: undefined, line() {}, stop() {} };
