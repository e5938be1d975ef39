import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Duplex, Readable, Writable } from "node:stream";
import { type ContextError, reasonOf } from "../errors.ts";
import { createLineSplitter, MAX_LINE_LENGTH } from "../protocol/lines.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readFromTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { signalGroup, sweepGroup } from "./process-group.ts";

/** How a process ended: a code, or the signal that ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export type OutputStream = "stdout" | "stderr";

/** What becomes of any program. */
export interface ProgramEvents {
  onSpawned(pid: number): void;
  /** There is no process; nothing else follows. */
  onSpawnFailed(reason: string): void;
  onOutput(stream: OutputStream, line: string): void;
  /** The process has ended and all it wrote was handed on. Comes once, after everything else. */
  onExit(exit: Exit): void;
}

export interface ChildEvents extends ProgramEvents {
  onMessage(message: FromTask): void;
  /** A line on the pipe that could not be read; it is dropped. */
  onGarbage(error: ContextError): void;
}

/** A program that runs, seen from the provider. */
export interface RunningProgram {
  /** To the process and all it started. */
  signal(signal: NodeJS.Signals): void;
}

/** A task process, seen from the provider. */
export interface Child extends RunningProgram {
  /** Over the pipe; lost when the process is gone. */
  send(message: ToTask): void;
  /** Tells the process that nothing more will come. */
  hangUp(): void;
}

export interface Program {
  /** Of the file to run, absolute. */
  path: string;
  /** What it is called in its own eyes, and in the process table. */
  name: string;
  words: readonly string[];
  /** Where it runs. */
  folder: string;
  /** In addition to ours. */
  environment: Record<string, string>;
}

const ENTRY = "#task";
/** How long what a process wrote may take to arrive once it has ended; a descendant may hold its pipes open. */
const DRAIN_MS = 1_000;

/** Starts any program. */
export function startProgram(program: Program, events: ProgramEvents): RunningProgram {
  const child = spawn(program.path, program.words, {
    argv0: program.name,
    cwd: program.folder,
    env: { ...process.env, ...program.environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return follow(child, events);
}

/** Starts a task process; `label` shows in the process table. */
export function startChild(label: readonly string[], events: ChildEvents): Child {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  // One duplex pipe of our own rather than fork's channel: it starts faster, and its end says the other side is gone.
  const child = spawn(process.execPath, ["--enable-source-maps", entry, ...label], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const running = follow(child, events);
  const pipe = stdioOf(child)[3] as Duplex | undefined;
  if (pipe === undefined) return { ...running, send() {}, hangUp() {} };

  onLines(pipe, MAX_PIPE_LINE_LENGTH, (line) => {
    let message: FromTask;
    try {
      message = readFromTask(line);
    } catch (error) {
      events.onGarbage(error as ContextError);
      return;
    }
    events.onMessage(message);
  });
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  return {
    ...running,
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    hangUp: () => pipe.end(),
  };
}

/** What is the same for every process we start: it leads a group of its own, prints, and ends with all it started. */
function follow(child: ChildProcess, events: ProgramEvents): RunningProgram {
  child.once("error", (error) => {
    if (child.pid === undefined) events.onSpawnFailed(error.message);
  });
  for (const stream of ["stdout", "stderr"] as const) {
    const output = child[stream] as Readable | null | undefined;
    if (output) onLines(output, MAX_LINE_LENGTH, (line) => events.onOutput(stream, line));
  }
  child.once("spawn", () => events.onSpawned(child.pid as number));
  child.once("exit", (code, signal) => {
    sweep(child.pid as number);
    const drained = () => {
      clearTimeout(late);
      child.off("close", drained);
      // A descendant in a session of its own may hold the other ends for ever.
      for (const stream of stdioOf(child)) stream?.destroy();
      events.onExit({ code, signal });
    };
    const late = setTimeout(drained, DRAIN_MS);
    child.once("close", drained);
  });

  function sweep(leader: number): void {
    try {
      sweepGroup(leader);
    } catch (error) {
      events.onOutput("stderr", `what it started can't be ended: ${reasonOf(error)}`);
    }
  }

  return {
    signal(signal) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        signalGroup(child.pid, signal);
    },
  };
}

// Without descriptors to spare there is no process and not even its pipes; an error follows.
function stdioOf(child: ChildProcess): (Readable | Writable | null | undefined)[] {
  return (child.stdio as ChildProcess["stdio"] | undefined) ?? [];
}

function onLines(stream: Readable, maxLength: number, onLine: (line: string) => void): void {
  const lines = createLineSplitter(onLine, maxLength);
  stream.setEncoding("utf8");
  stream.on("data", lines.push);
  stream.on("end", lines.end);
}
