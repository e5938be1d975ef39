// Where a run of a task lives: a process of its own, a thread of a process it shares with the other threads of its
// transaction, or a program that need not know of us. All look the same from here.
import type { Command } from "../config/context-config.ts";
import type { ContextError } from "../errors.ts";
import { environmentOf } from "../protocol/environment.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Assignment, FromTask, StartData } from "../protocol/pipe.ts";
import { type Child, type ChildEvents, type Exit, type OutputStream, startChild, startProgram } from "./child.ts";

/** One run of a task, seen from the provider. Everything is safe to call after it has ended. */
export interface TaskRun {
  askToStop(): void;
  /** Its last announcement was heard. */
  bye(): void;
  /** Its announcements up to this one have been acted on. */
  heard(sequence: number): void;
  terminate(): void;
  kill(): void;
  /** Ends the process at once, and the other threads with it if it is shared. */
  destroy(): void;
}

export interface RunEvents {
  onSpawned(pid: number): void;
  onSpawnFailed(reason: string): void;
  onAnnounced(announcement: { sequence: number; message: JsonObject; isLast: boolean }): void;
  onGarbage(error: ContextError): void;
  onOutput(stream: OutputStream, line: string): void;
  onExit(exit: Exit): void;
}

/** Starts runs of tasks. */
export interface Launcher {
  launch(run: string, start: StartData, events: RunEvents): TaskRun;
  /** Starts a program, which announces on the bus alone. */
  launchProgram(run: string, program: ProgramStart, events: RunEvents): TaskRun;
}

/** A program that is a task, and what it is told. */
export interface ProgramStart {
  /** Of the file to run, absolute. */
  path: string;
  command: Command;
  assignment: Assignment;
}

/** @param options.folder - Where programs run: the folder of the context file. */
export function createLauncher({ folder }: { folder: string }): Launcher {
  const hosts = new Map<string, ThreadHost>();

  function hostOf(transaction: string): ThreadHost {
    const present = hosts.get(transaction);
    if (present !== undefined) return present;
    const host = startThreadHost(transaction, () => {
      if (hosts.get(transaction) === host) hosts.delete(transaction);
    });
    hosts.set(transaction, host);
    return host;
  }

  return {
    launch: (run, start, events) =>
      start.isThread ? hostOf(start.transaction).launch(run, start, events) : launchProcess(run, start, events),
    launchProgram: (run, program, events) => launchProgram(run, program, folder, events),
  };
}

function launchProgram(
  run: string,
  { path, command, assignment }: ProgramStart,
  folder: string,
  events: RunEvents,
): TaskRun {
  const child = startProgram(
    { path, name: command.program, words: command.words, folder, environment: environmentOf(run, assignment) },
    events,
  );
  let isAsked = false;
  // Once: many programs take the second signal for impatience, and leave things half done.
  function ask(): void {
    if (!isAsked) child.signal("SIGTERM");
    isAsked = true;
  }
  return {
    askToStop: ask,
    bye() {},
    heard() {},
    terminate: ask,
    kill: () => child.signal("SIGKILL"),
    destroy: () => child.signal("SIGKILL"),
  };
}

function launchProcess(run: string, start: StartData, events: RunEvents): TaskRun {
  const child = startChild([start.serviceId, start.instance, start.transaction], {
    ...events,
    onMessage: (message) => handOn(message, events),
  });
  child.send({ type: "start", run, start });
  return {
    askToStop: () => child.send({ type: "stop", run }),
    bye: () => child.send({ type: "bye", run }),
    heard: (sequence) => child.send({ type: "heard", run, sequence }),
    terminate: () => child.signal("SIGTERM"),
    kill: () => child.signal("SIGKILL"),
    destroy: () => child.signal("SIGKILL"),
  };
}

/** A process whose threads run the tasks of one transaction; it ends with the last of them. */
type ThreadHost = Pick<Launcher, "launch">;

/** How long a process may take to end one of its threads before it is ended itself, in milliseconds. */
const KILL_MS = 2_000;

function startThreadHost(transaction: string, onEnded: () => void): ThreadHost {
  const runs = new Map<string, RunEvents>();
  let pid: number | undefined;
  let lastExit: Exit | undefined;
  const toAll = (tell: (events: RunEvents) => void) => [...runs.values()].forEach(tell);

  const child: Child = startChild(["threads", transaction], {
    onSpawned(spawned) {
      pid = spawned;
      toAll((events) => events.onSpawned(spawned));
    },
    onSpawnFailed: (reason) => close((events) => events.onSpawnFailed(reason)),
    onMessage(message) {
      const events = runs.get(message.run);
      if (events === undefined) return;
      if (message.type === "exit") end(message.run, { code: message.code, signal: null });
      else handOn(message, events);
    },
    onGarbage: (error) => toAll((events) => events.onGarbage(error)),
    onOutput: (stream, line) => toAll((events) => events.onOutput(stream, line)),
    // A crash of one thread takes the process, and so its siblings.
    onExit: (exit) => close((events) => events.onExit(lastExit ?? exit)),
  } satisfies ChildEvents);

  // The last thread has ended when its process has: it is told so by `close`.
  function end(run: string, exit: Exit): void {
    if (runs.size > 1) {
      const events = runs.get(run);
      runs.delete(run);
      events?.onExit(exit);
      return;
    }
    lastExit = exit;
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
        // A thread takes no signal: it is asked again, and then ended by its process, or with it.
        terminate: tell("stop"),
        kill() {
          child.send({ type: "kill", run });
          setTimeout(() => runs.has(run) && child.signal("SIGKILL"), KILL_MS).unref();
        },
        destroy: () => child.signal("SIGKILL"),
      };
    },
  };
}

function handOn(message: FromTask, events: RunEvents): void {
  if (message.type === "announce") events.onAnnounced(message);
  if (message.type === "output") events.onOutput(message.stream, message.line);
}
