// Starts what a context file lets run beside a task: its probes, and the command that stops it. In the task's working folder,
// with the environment, the user and the limits of its own processes.
import { randomUUID } from "node:crypto";
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { runsIn } from "../../launch/environment/task-environment.ts";
import { limitsOf } from "../../launch/launcher.ts";
import { type RunningProbe, startLiveness, startProbe } from "../../launch/probe.ts";
import { nameOfProgram, type ProgramMeans, runOnce } from "../../launch/probe-attempt.ts";
import { startProgram } from "../../launch/process/child.ts";
import type { ProcessOwnership } from "../../launch/process/process-ownership.ts";
import type { Surroundings } from "../../launch/surroundings.ts";
import type { Log } from "../../log.ts";
import type { TaskPrograms } from "../task/task-contract.ts";

export interface TaskProgramsOptions {
  /** Of the context file: where they run by default. */
  folder: string;
  ownership: ProcessOwnership;
  log: Log;
}

export function createTaskPrograms({ folder, ownership, log }: TaskProgramsOptions): TaskPrograms {
  function meansOf(task: TaskServiceConfig, { environment, account }: Surroundings): ProgramMeans {
    // What a program leaves behind gets no grace period, and must not keep its answer from counting.
    const events = { onSpawned() {}, onLeftovers() {}, onStuck() {} };
    const where = runsIn(task, folder) ?? folder;
    const limits = limitsOf(task.supervision, account);
    const processOptions = { environment, limits, folder: where, stopSignal: "SIGKILL" } as const;
    return {
      search: { folder, runsIn: where, environment },
      run: (program, told) =>
        startProgram({ ...program, ...processOptions, run: randomUUID() }, ownership, { ...events, ...told }),
    };
  }

  const onFaulty = ({ id }: TaskServiceConfig) => {
    return (reason: string) => log.warn({ task: id, reason }, "faulty probe");
  };

  return {
    probe(task, surroundings, onReady) {
      const { probe } = task.supervision;
      if (probe === undefined) return NO_PROBE;
      return startProbe(probe, { ...meansOf(task, surroundings), onReady, onFaulty: onFaulty(task) });
    },
    liveness(task, surroundings, onDead) {
      const { liveness } = task.supervision;
      if (liveness === undefined) return NO_PROBE;
      return startLiveness(liveness, { ...meansOf(task, surroundings), onDead, onFaulty: onFaulty(task) });
    },
    async stopCommand(task, surroundings, cut) {
      const { stopCommand } = task.supervision;
      if (stopCommand === undefined) return undefined;
      const name = nameOfProgram("stop_exec", stopCommand);
      const fault = await runOnce(stopCommand, name, { means: meansOf(task, surroundings), cut });
      return fault === undefined ? undefined : `${name}: ${fault}`;
    },
  };
}

const NO_PROBE: RunningProbe = { lastFault: undefined, line() {}, stop() {} };
