// Starts runs of tasks, by the task's type: as a process of its own, as a thread of a process that the threads of a
// transaction share, or as any program, which need not know of zcontext. To the caller all are a TaskRun.
import type { Supervision, TaskServiceConfig } from "../config/context-config.ts";
import type { Assignment, StartData } from "../protocol/pipe.ts";
import { runsIn } from "./environment/task-environment.ts";
import type { Account } from "./process/account.ts";
import { startChild, startProgram } from "./process/child.ts";
import type { Limits, ProcessOwnership } from "./process/process-ownership.ts";
import type { ProcessOptions, Program } from "./process/running-program.ts";
import { dispatchFromTask, type RunEvents, type TaskRun } from "./task-run.ts";
import { startThreadHost, type ThreadHost } from "./thread-host.ts";

/** Starts runs of tasks. */
export interface Launcher {
  launch(run: string, start: TaskStart, events: RunEvents): TaskRun;
}

/** What a run is started with: the task, its code, and its environment. */
export interface TaskStart {
  task: TaskServiceConfig;
  assignment: Assignment;
  /** Absolute: the module to load, or the program to run. */
  path: string;
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
  account?: Account | undefined;
}

export interface LauncherOptions {
  /** Of the context file: programs run there, and working folders are relative to it. */
  folder: string;
  /** Where files of the context are kept. */
  stateFiles: StartData["stateFiles"];
  ownership: ProcessOwnership;
}

export function createLauncher({ folder, stateFiles, ownership }: LauncherOptions): Launcher {
  const hosts = new Map<string, ThreadHost>();

  function hostOf(transaction: string): ThreadHost {
    const present = hosts.get(transaction);
    if (present !== undefined) return present;
    const host = startThreadHost(transaction, ownership, () => {
      if (hosts.get(transaction) === host) hosts.delete(transaction);
    });
    hosts.set(transaction, host);
    return host;
  }

  function processOptionsOf(run: string, { task, environment, account }: TaskStart): ProcessOptions {
    const { supervision } = task;
    const { stopSignal, stdin } = supervision;
    return {
      run,
      environment,
      limits: limitsOf(supervision, account),
      stdin,
      stopSignal,
      folder: runsIn(task, folder),
    };
  }

  return {
    launch(run, start, events) {
      const { task, assignment, path } = start;
      const processOptions = processOptionsOf(run, start);
      if (task.command !== undefined) {
        const program = { ...processOptions, path, words: task.command.words };
        return launchProgram(program, ownership, events);
      }
      const isThread = task.serviceType === "Thread";
      const { heartbeatMs, stopSignal, graceMs } = task.supervision;
      const watched = { isThread, heartbeatMs, stopSignal, graceMs };
      const data = { ...assignment, module: path, ...watched, contextFolder: folder, stateFiles };
      return isThread
        ? hostOf(assignment.transaction).launch(run, data, events)
        : launchProcess(data, processOptions, ownership, events);
    },
  };
}

/** The limits that each process of a task runs under. */
export function limitsOf({ nice, filesMax }: Supervision, account: Account | undefined): Limits {
  return { nice, account, ...(filesMax === undefined ? {} : { filesMax }) };
}

function launchProgram(program: Program, ownership: ProcessOwnership, events: RunEvents): TaskRun {
  const running = startProgram(program, ownership, events);
  let wasAsked = false;
  return {
    // Once: many programs exit at once at a second signal, without finishing.
    askToStop() {
      if (!wasAsked) running.signal(program.stopSignal ?? "SIGTERM");
      wasAsked = true;
    },
    bye() {},
    heard() {},
    caughtUp: async () => {},
    kill: running.kill,
    destroy: running.kill,
  };
}

function launchProcess(
  start: StartData,
  processOptions: ProcessOptions,
  ownership: ProcessOwnership,
  events: RunEvents,
): TaskRun {
  const { run, stopSignal = "SIGTERM" } = processOptions;
  const child = startChild([start.serviceId, start.instance, start.transaction], processOptions, ownership, {
    ...events,
    onMessage: (message) => dispatchFromTask(message, events),
  });
  child.send({ type: "start", run, start });
  return {
    askToStop() {
      child.send({ type: "stop", run });
      child.signal(stopSignal);
    },
    bye: () => child.send({ type: "bye", run }),
    heard: (sequence) => child.send({ type: "heard", run, sequence }),
    caughtUp: child.caughtUp,
    kill: child.kill,
    destroy: child.kill,
  };
}
