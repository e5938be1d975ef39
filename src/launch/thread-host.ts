// A process that is shared: each task of the type Thread is a worker thread of it, beside those of its transaction.
import { randomUUID } from "node:crypto";
import type { StartData } from "../protocol/pipe.ts";
import { type Child, type ChildEvents, type Exit, startChild } from "./child.ts";
import type { ProcessOwnership } from "./process-ownership.ts";
import { handOn, type RunEvents, type TaskRun } from "./task-run.ts";

/** A process whose threads run the tasks of one transaction; it ends with the last of them. */
export interface ThreadHost {
  launch(run: string, start: StartData, events: RunEvents): TaskRun;
}

/** How long a process may take to end one of its threads before it is ended itself, in milliseconds. */
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
      if (message.type === "exit") end(message.run, { code: message.code, signal: null, wasKilled: false, ended: [] });
      else handOn(message, events);
    },
    onGarbage: (error) => toAll((events) => events.onGarbage(error)),
    onOutput: (stream, line) => toAll((events) => events.onOutput(stream, line)),
    onLingers: () => toAll((events) => events.onLingers()),
    onStuck: (reason) => toAll((events) => events.onStuck(reason)),
    // A crash of one thread takes the process, and so its siblings. What the last one ended with is its own, what was left
    // behind is the process's.
    onExit: (exit) => close((events) => events.onExit(lastExit === undefined ? exit : { ...exit, ...lastExit })),
  } satisfies ChildEvents);

  // The last thread has ended when its process has: it is told so by `close`.
  function end(run: string, exit: Exit): void {
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
        // A thread takes no signal: it is ended by its process, or with it.
        kill() {
          child.send({ type: "kill", run });
          setTimeout(() => runs.has(run) && child.kill(), KILL_MS).unref();
        },
        destroy: child.kill,
      };
    },
  };
}
