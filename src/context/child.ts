import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Duplex, Readable } from "node:stream";
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

export interface ChildEvents {
  onSpawned(pid: number): void;
  /** There is no process; nothing else follows. */
  onSpawnFailed(reason: string): void;
  onMessage(message: FromTask): void;
  /** A line on the pipe that could not be read; it is dropped. */
  onGarbage(error: ContextError): void;
  onOutput(stream: OutputStream, line: string): void;
  /** The process has ended and all it wrote was handed on. Comes once, after everything else. */
  onExit(exit: Exit): void;
}

/** A task process, seen from the provider. */
export interface Child {
  /** Over the pipe; lost when the process is gone. */
  send(message: ToTask): void;
  /** To the process and all it started. */
  signal(signal: NodeJS.Signals): void;
  /** Tells the process that nothing more will come. */
  hangUp(): void;
}

const ENTRY = "#task";
/** How long what a process wrote may take to arrive once it has ended; a descendant may hold its pipes open. */
const DRAIN_MS = 1_000;

/** Starts a task process; `label` shows in the process table. */
export function startChild(label: readonly string[], events: ChildEvents): Child {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  // One duplex pipe of our own rather than fork's channel: it starts faster, and its end says the other side is gone.
  const child = spawn(process.execPath, ["--enable-source-maps", entry, ...label], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  child.once("error", (error) => {
    if (child.pid === undefined) events.onSpawnFailed(error.message);
  });
  // Without descriptors to spare there is no process and not even its pipes; the error follows.
  const pipe = (child.stdio as ChildProcess["stdio"] | undefined)?.[3] as Duplex | undefined;
  if (pipe === undefined) return { send() {}, signal() {}, hangUp() {} };

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
  onLines(child.stdout as Readable, MAX_LINE_LENGTH, (line) => events.onOutput("stdout", line));
  onLines(child.stderr as Readable, MAX_LINE_LENGTH, (line) => events.onOutput("stderr", line));
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  child.once("spawn", () => events.onSpawned(child.pid as number));
  child.once("exit", (code, signal) => {
    sweep(child.pid as number);
    const drained = () => {
      clearTimeout(late);
      child.off("close", drained);
      // A descendant in a session of its own may hold the other ends for ever.
      for (const stream of child.stdio) stream?.destroy();
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
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    signal(signal) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        signalGroup(child.pid, signal);
    },
    hangUp: () => pipe.end(),
  };
}

function onLines(stream: Readable, maxLength: number, onLine: (line: string) => void): void {
  const lines = createLineSplitter(onLine, maxLength);
  stream.setEncoding("utf8");
  stream.on("data", lines.push);
  stream.on("end", lines.end);
}
