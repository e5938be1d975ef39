// Starts the programs and task processes of a provider: spawns each as the leader of its own session, delivers its output
// line by line, and reports its end when nothing of its process tree is left.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { Duplex, Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ZcontextError } from "../errors.ts";
import type { SignalledProcess } from "../processes/signaller.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import { UNKNOWN_START } from "../processes/tree.ts";
import { MAX_LINE_LENGTH } from "../protocol/lines.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readFromTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { isShortage } from "../shortage.ts";
import { type LineReader, readLines } from "./line-reader.ts";
import type { Limits, ProcessOwnership } from "./process-ownership.ts";
import { createProcessTree, type ProcessTree } from "./process-tree.ts";
import { createTimeSlices } from "./time-slices.ts";

/** How a process ended: with an exit code, or by a signal. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** We had asked for SIGKILL. */
  wasKilled: boolean;
  /** Its descendants that had to be signalled. */
  ended: readonly SignalledProcess[];
}

export type OutputStream = "stdout" | "stderr";

/** What can happen to any program that we start. */
export interface ProgramEvents {
  onSpawned(pid: number): void;
  /** There is no process, and no further event. */
  onSpawnFailed(failure: SpawnFailure): void;
  onOutput(stream: OutputStream, line: string): void;
  /** The process has exited and descendants of it have not; they are being ended. */
  onLeftovers(): void;
  /** A process can't be ended; `onExit` follows if it ends after all. */
  onStuck(reason: string): void;
  /** The process and its descendants are gone, and all output has been delivered. The last event. */
  onExit(exit: Exit): void;
}

export interface SpawnFailure {
  reason: string;
  /** The system is short of a resource; another attempt may succeed. */
  isTransient: boolean;
}

export interface ChildEvents extends ProgramEvents {
  onMessage(message: FromTask): void;
  /** A line on the pipe that could not be read; it is dropped. */
  onGarbage(error: ZcontextError): void;
}

/** A program that was started. */
export interface RunningProgram {
  /** Signals the process and its group. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the process and all its descendants at once. */
  kill(): void;
}

/** A task process that was started. */
export interface Child extends RunningProgram {
  /** Sends over the pipe; lost when the process is gone. */
  send(message: ToTask): void;
  /** Closes our end of the pipe: nothing more will be sent. */
  hangUp(): void;
}

/** What any process is started with. */
export interface ProcessOptions {
  /** The run it belongs to; stands in the cookie. */
  run: string;
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
  /** The working folder; by default the provider's. */
  folder?: string | undefined;
  limits?: Limits;
  /** Sent to descendants that outlive it. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

export interface Program extends ProcessOptions {
  /** Of the file to run, absolute. */
  path: string;
  words: readonly string[];
}

const ENTRY = "#task";
/** How long output may take to arrive after the process has ended; an unknown process may hold its pipes open. */
const DRAIN_MS = 1_000;

/** Shared by all processes: however many print without end, the event loop is held up no longer than by one. */
const slices = createTimeSlices();

/** Starts any program. */
export function startProgram(program: Program, ownership: ProcessOwnership, events: ProgramEvents): RunningProgram {
  const child = spawnLeader([program.path, ...program.words], program, ownership, []);
  return follow(child, program, { ownership, events });
}

/** Starts a task process; `label` shows in the process table. */
export function startChild(
  label: readonly string[],
  options: ProcessOptions,
  ownership: ProcessOwnership,
  events: ChildEvents,
): Child {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  const command = [process.execPath, "--enable-source-maps", entry, ...label];
  // A pipe of our own rather than fork()'s channel: it starts faster, and each side sees the other's end by its closing.
  const child = spawnLeader(command, options, ownership, ["pipe"]);
  const pipe = stdioOf(child)[3] as Duplex | undefined;
  if (pipe === undefined) return { ...follow(child, options, { ownership, events }), send() {}, hangUp() {} };

  const messages = readMessages(pipe, events);
  const running = follow(child, options, { ownership, events, readers: [messages] });
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  return {
    ...running,
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    hangUp: () => pipe.end(),
  };
}

/**
 * Whether a system program exits with 0 when it is run with these words. Rejects when the system lacks the resources to
 * try.
 */
export function runsWell(path: string, words: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(path, words, { timeout: DRAIN_MS }, (error) =>
      isShortage(error) ? reject(error) : resolve(error === null),
    );
  });
}

/** Runs a system program that has an open file as its descriptor 3; answers its exit code. Rejects when it can't be run. */
export async function runWithFile(path: string, words: readonly string[], fd: number): Promise<number | null> {
  const child = spawn(path, words, { stdio: ["ignore", "ignore", "ignore", fd] });
  const [code] = await once(child, "exit");
  return code;
}

// Detached, so that it leads a session and a process group: its descendants can be signalled together.
function spawnLeader(
  command: readonly string[],
  { run, environment, folder, limits }: ProcessOptions,
  ownership: ProcessOwnership,
  pipes: readonly "pipe"[],
): ChildProcess {
  const [path = "", ...words] = [...ownership.commandPrefix(limits ?? { nice: 0 }), ...command];
  return spawn(path, words, {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: { ...process.env, ...environment, ...ownership.cookieVariable(run) },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...pipes],
  });
}

interface Following {
  ownership: ProcessOwnership;
  events: ProgramEvents;
  /** Of its pipe, besides those of its output. */
  readers?: readonly LineReader[];
}

/** Reports what becomes of a process that was spawned, to the end of its tree. */
function follow(child: ChildProcess, options: ProcessOptions, following: Following): RunningProgram {
  const { ownership, events, readers = [] } = following;
  const allReaders = [...readers, ...readOutput(child, events)];
  const closed = once(child, "close").catch(() => {}); // rejects when there was no process at all
  const { pid } = child;
  if (pid === undefined) {
    child.once("error", (error) => events.onSpawnFailed(failureOf(error)));
    return { signal() {}, kill() {} };
  }
  // The process may have exited already, but stays in the table until the event loop reaps it.
  const leader = { pid, startTicks: ownership.table.find(pid)?.startTicks ?? UNKNOWN_START };
  ownership.guard.add(leader);
  const tree = treeOf(leader, child, options, following);
  child.once("spawn", () => events.onSpawned(pid));
  child.once("exit", async (code, signal) => {
    const ended = await tree.clear();
    ownership.guard.remove(pid);
    await drain(child, closed, allReaders);
    events.onExit({ code, signal, wasKilled: tree.isKilled, ended });
  });
  return tree;
}

function treeOf(
  leader: ProcessIdentity,
  child: ChildProcess,
  { run, stopSignal = "SIGTERM" }: ProcessOptions,
  { ownership, events }: Following,
): ProcessTree {
  return createProcessTree({
    leader,
    run,
    stopSignal,
    table: ownership.table,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    onLeftovers: () => events.onLeftovers(),
    onStuck: (reason) => events.onStuck(reason),
  });
}

function readOutput(child: ChildProcess, events: ProgramEvents): LineReader[] {
  return (["stdout", "stderr"] as const).flatMap((stream) => {
    const output = child[stream] as Readable | null | undefined;
    const onLine = (line: string) => events.onOutput(stream, line);
    return output ? [readLines(output, { maxLength: MAX_LINE_LENGTH, slices, onLine })] : [];
  });
}

function readMessages(pipe: Readable, events: ChildEvents): LineReader {
  function onLine(line: string): void {
    let message: FromTask;
    try {
      message = readFromTask(line);
    } catch (error) {
      events.onGarbage(error as ZcontextError);
      return;
    }
    events.onMessage(message);
  }
  return readLines(pipe, { maxLength: MAX_PIPE_LINE_LENGTH, slices, onLine });
}

/** Waits for the rest of the output, then closes our ends. A descendant that was not found may hold the others for ever. */
async function drain(child: ChildProcess, closed: Promise<unknown>, readers: readonly LineReader[]): Promise<void> {
  const drained = Promise.all([closed, ...readers.map(({ done }) => done)]);
  await Promise.race([drained, pause(DRAIN_MS, undefined, { ref: false })]);
  for (const reader of readers) reader.cut();
  for (const stream of stdioOf(child)) stream?.destroy();
}

function failureOf(error: Error): SpawnFailure {
  return { reason: error.message, isTransient: isShortage(error) };
}

// Without free descriptors a failed spawn has not even stdio; an error follows.
function stdioOf(child: ChildProcess): (Readable | Writable | null | undefined)[] {
  return (child.stdio as ChildProcess["stdio"] | undefined) ?? [];
}
