// Where a run of a task lives: a process of its own, a thread of a process it shares with the other threads of its
// transaction, or a program that need not know of us. All look the same from here.
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { TaskServiceConfig } from "../config/context-config.ts";
import type { ContextError } from "../errors.ts";
import { environmentOf } from "../protocol/environment.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Assignment, Beat, FromTask, StartData } from "../protocol/pipe.ts";
import {
  type Child,
  type ChildEvents,
  type Exit,
  type Program,
  type ProgramEvents,
  startChild,
  startProgram,
  type Upbringing,
} from "./child.ts";
import type { Custody } from "./custody.ts";

/** One run of a task, seen from the provider. Everything is safe to call after it has ended. */
export interface TaskRun {
  /** By its own means and by the stop signal. */
  askToStop(): void;
  /** Its last announcement was heard. */
  bye(): void;
  /** Its announcements up to this one have been acted on. */
  heard(sequence: number): void;
  /** Ends it with all it has started. */
  kill(): void;
  /** Ends the process at once, and the other threads with it if it is shared. */
  destroy(): void;
}

export interface RunEvents extends Omit<ProgramEvents, "onExit"> {
  onAnnounced(announcement: { sequence: number; message: JsonObject; isLast: boolean }): void;
  /** Its event loop goes round. */
  onBeat(beat: Beat): void;
  onGarbage(error: ContextError): void;
  onExit(exit: Exit): void;
}

/** Starts runs of tasks. */
export interface Launcher {
  launch(run: string, start: TaskStart, events: RunEvents): TaskRun;
}

/** What a run is made of: the task, its code, and how its process is to live. */
export interface TaskStart {
  task: TaskServiceConfig;
  assignment: Assignment;
  /** Absolute: the module to load, or the program to run. */
  path: string;
  /** Variables of the task's own. */
  environment: Readonly<Record<string, string>>;
}

/** @param options.folder - Of the context file: where programs run, and where working folders start from. */
export function createLauncher({ folder, custody }: { folder: string; custody: Custody }): Launcher {
  const hosts = new Map<string, ThreadHost>();

  function hostOf(transaction: string): ThreadHost {
    const present = hosts.get(transaction);
    if (present !== undefined) return present;
    const host = startThreadHost(transaction, custody, () => {
      if (hosts.get(transaction) === host) hosts.delete(transaction);
    });
    hosts.set(transaction, host);
    return host;
  }

  function upbringingOf(run: string, { task, environment }: TaskStart): Upbringing {
    const { workingFolder, nice, filesMax, stopSignal } = task.supervision;
    const limits = { nice, ...(filesMax === undefined ? {} : { filesMax }) };
    const where = workingFolder === undefined ? {} : { folder: resolve(folder, workingFolder) };
    return { run, environment, limits, stopSignal, ...where };
  }

  return {
    launch(run, start, events) {
      const { task, assignment, path } = start;
      const upbringing = upbringingOf(run, start);
      if (task.command !== undefined) {
        const environment = { ...start.environment, ...environmentOf(run, assignment) };
        const program = { folder, ...upbringing, environment, path, words: task.command.words };
        return launchProgram(program, custody, events);
      }
      const isThread = task.serviceType === "Thread";
      const { heartbeatMs, stopSignal } = task.supervision;
      const data = { ...assignment, module: path, isThread, heartbeatMs, stopSignal };
      return isThread
        ? hostOf(assignment.transaction).launch(run, data, events)
        : launchProcess(data, upbringing, custody, events);
    },
  };
}

function launchProgram(program: Program, custody: Custody, events: RunEvents): TaskRun {
  const running = startProgram(program, custody, events);
  let isAsked = false;
  return {
    // Once: many programs take the second signal for impatience, and leave things half done.
    askToStop() {
      if (!isAsked) running.signal(program.stopSignal ?? "SIGTERM");
      isAsked = true;
    },
    bye() {},
    heard() {},
    kill: running.kill,
    destroy: running.kill,
  };
}

function launchProcess(start: StartData, upbringing: Upbringing, custody: Custody, events: RunEvents): TaskRun {
  const { run, stopSignal = "SIGTERM" } = upbringing;
  const child = startChild([start.serviceId, start.instance, start.transaction], upbringing, custody, {
    ...events,
    onMessage: (message) => handOn(message, events),
  });
  child.send({ type: "start", run, start });
  return {
    askToStop() {
      child.send({ type: "stop", run });
      child.signal(stopSignal);
    },
    bye: () => child.send({ type: "bye", run }),
    heard: (sequence) => child.send({ type: "heard", run, sequence }),
    kill: child.kill,
    destroy: child.kill,
  };
}

/** A process whose threads run the tasks of one transaction; it ends with the last of them. */
interface ThreadHost {
  launch(run: string, start: StartData, events: RunEvents): TaskRun;
}

/** How long a process may take to end one of its threads before it is ended itself, in milliseconds. */
const KILL_MS = 2_000;

function startThreadHost(transaction: string, custody: Custody, onEnded: () => void): ThreadHost {
  const runs = new Map<string, RunEvents>();
  let pid: number | undefined;
  let lastExit: Pick<Exit, "code" | "signal"> | undefined;
  const toAll = (tell: (events: RunEvents) => void) => [...runs.values()].forEach(tell);

  const upbringing = { run: randomUUID(), environment: {} };
  const child: Child = startChild(["threads", transaction], upbringing, custody, {
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

function handOn(message: FromTask, events: RunEvents): void {
  if (message.type === "announce") events.onAnnounced(message);
  if (message.type === "beat") events.onBeat(message);
  if (message.type === "output") events.onOutput(message.stream, message.line);
}
