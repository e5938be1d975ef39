// Runs all tasks of serviceType "Thread" of one transaction in one process, each as a worker thread.
import { randomUUID } from "node:crypto";
import type { StartData } from "../protocol/pipe.ts";
import { startChild } from "./process/child.ts";
import type { ProcessOwnership } from "./process/process-ownership.ts";
import type { Child, ChildEvents, Exit } from "./process/running-program.ts";
import { dispatchFromTask, type RunEvents, type TaskRun } from "./task-run.ts";

/** The process that the threads of one transaction share; it ends with the last of them. */
export interface ThreadHost {
  launch(run: string, start: StartData, events: RunEvents): TaskRun;
}

/** How long the process may take to end one of its threads before it is killed itself, in milliseconds. */
const KILL_MS = 2_000;

export function startThreadHost(transaction: string, ownership: ProcessOwnership, onEnded: () => void): ThreadHost {
  const runs = new Map<string, RunEvents>();
  let pid: number | undefined;
  let lastExit: Pick<Exit, "code" | "signal"> | undefined;
  const toAll = (tell: (events: RunEvents) => void) => [...runs.values()].forEach(tell);

  const processOptions = { run: randomUUID(), environment: {} };
  const child: Child = startChild(["threads", transaction], processOptions, ownership, {
    onSpawned(spawned) {
      pid = spawned;
      toAll((events) => events.onSpawned(spawned));
    },
    onSpawnFailed: (failure) => close((events) => events.onSpawnFailed(failure)),
    onMessage(message) {
      const events = runs.get(message.run);
      if (events === undefined) return;
      if (message.type === "exit")
        endThread(message.run, { code: message.code, signal: null, wasKilled: false, ended: [] });
      else dispatchFromTask(message, events);
    },
    onGarbage: (error) => toAll((events) => events.onGarbage(error)),
    onOutput: (stream, printed) => toAll((events) => events.onOutput(stream, printed)),
    onLeftovers: () => toAll((events) => events.onLeftovers()),
    onStuck: (reason) => toAll((events) => events.onStuck(reason)),
    // A crash of one thread ends the process and with it all other threads. The last thread to end keeps its own exit code;
    // descendants that had to be ended belong to the process.
    onExit: (exit) => close((events) => events.onExit(lastExit === undefined ? exit : { ...exit, ...lastExit })),
  } satisfies ChildEvents);

  // The last thread's exit is reported when the process has exited, by `close`.
  function endThread(run: string, exit: Exit): void {
    if (runs.size > 1) {
      const events = runs.get(run);
      runs.delete(run);
      events?.onExit(exit);
      return;
    }
    lastExit = { code: exit.code, signal: exit.signal };
    onEnded();
    child.hangUp();
  }

  function close(tell: (events: RunEvents) => void): void {
    onEnded();
    const left = [...runs.values()];
    runs.clear();
    left.forEach(tell);
  }

  return {
    launch(run, start, events) {
      runs.set(run, events);
      child.send({ type: "start", run, start });
      if (pid !== undefined) queueMicrotask(() => events.onSpawned(pid as number));
      const tell = (type: "stop" | "bye" | "kill") => () => child.send({ type, run });
      return {
        askToStop: tell("stop"),
        bye: tell("bye"),
        heard: (sequence) => child.send({ type: "heard", run, sequence }),
        caughtUp: child.caughtUp,
        // A thread has no signals: its process ends it, or is killed with it.
        kill() {
          child.send({ type: "kill", run });
          setTimeout(() => runs.has(run) && child.kill(), KILL_MS).unref();
        },
        destroy: child.kill,
      };
    },
  };
}
