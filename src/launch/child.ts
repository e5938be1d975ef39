// Starts the programs and task processes of a provider: spawns each as the leader of its own session, delivers its output
// line by line, and reports its end when nothing of its process tree is left.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { createRequire } from "node:module";
import type { Duplex, Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { StdinKind } from "../config/model.ts";
import type { ZcontextError } from "../errors.ts";
import type { SignalledProcess } from "../processes/signaller.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import { UNKNOWN_START } from "../processes/tree.ts";
import { withoutTask } from "../protocol/environment.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readFromTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { type PrintedLine, printedLineOf } from "../protocol/printed-lines.ts";
import { isShortage } from "../shortage.ts";
import { tooLong } from "./length-limits.ts";
import { type LineReader, readLines, readPrintedLines } from "./line-reader.ts";
import type { OutputPipe } from "./output-pipes.ts";
import { signalGroup } from "./process-group.ts";
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
  onOutput(stream: OutputStream, printed: PrintedLine): void;
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
  /** The code can't be run, and another attempt does not help until it has changed. */
  isOfCode?: boolean;
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
  /** Resolves when the messages that it had sent before the call have been read. */
  caughtUp(): Promise<void>;
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
  /** By default empty. */
  stdin?: StdinKind | undefined;
  /** Sent to descendants that outlive it. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

export interface Program extends ProcessOptions {
  /** Of the file to run, absolute. */
  path: string;
  words: readonly string[];
}

const ENTRY = "#task";
/** How long nothing more may come after the process has ended, though an unknown process holds its output open. */
const SILENCE_MS = 1_000;
/** How long output that an unknown process goes on printing is read after the process has ended. */
const STRANGER_MS = 10_000;
/** The longest delay of a timer in Node; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** How long a system program may take that is tried out. */
const TRIAL_MS = 1_000;

/** Shared by all processes: however many print without end, the event loop is held up no longer than by one. */
const slices = createTimeSlices();

/** Starts any program. */
export function startProgram(program: Program, ownership: ProcessOwnership, events: ProgramEvents): RunningProgram {
  const leader = spawnLeader([program.path, ...program.words], program, ownership, []);
  return follow(leader, program, { ownership, events });
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
  const leader = spawnLeader(command, options, ownership, ["pipe"]);
  const pipe = stdioOf(leader.child)[3] as Duplex | undefined;
  if (pipe === undefined)
    return { ...follow(leader, options, { ownership, events }), send() {}, hangUp() {}, caughtUp: async () => {} };

  const messages = readMessages(pipe, events);
  const running = follow(leader, options, { ownership, events, readers: [messages] });
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  return {
    ...running,
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    hangUp: () => pipe.end(),
    caughtUp: messages.caughtUp,
  };
}

/**
 * Whether a system program exits with 0 when it is run with these words. Rejects when the system lacks the resources to
 * try.
 */
export function runsWell(path: string, words: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(path, words, { timeout: TRIAL_MS }, (error) =>
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

/** How a process has ended that was tried out. */
export interface TrialEnd {
  /** What it has written to its descriptor 3. */
  said: string;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It was ended since it took too long. */
  isLate: boolean;
}

/**
 * Runs a process of ours for what it says on its descriptor 3, in a group of its own, which is ended with it.
 *
 * @param options.stop - Ends it.
 * @param options.timeoutMs - Default: for ever.
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` where its arguments and variables are too long for the system.
 */
export async function tryProcess(
  command: readonly string[],
  {
    environment,
    folder,
    stop,
    timeoutMs,
  }: Pick<ProcessOptions, "environment" | "folder"> & { stop: AbortSignal; timeoutMs?: number },
): Promise<TrialEnd> {
  const env = { ...withoutTask(process.env), ...environment };
  const child = spawnTrial(command, { env, ...(folder !== undefined && { cwd: folder }) });
  const ended = once(child, "close");
  const endGroup = () => child.pid !== undefined && signalGroup(child.pid, "SIGKILL");
  const said: Buffer[] = [];
  let isLate = false;
  stdioOf(child)[3]?.on("data", (chunk: Buffer) => said.push(chunk));
  child.once("exit", endGroup);
  stop.addEventListener("abort", endGroup);
  const timer = setTimeout(() => {
    isLate = true;
    endGroup();
  }, timeoutMs ?? MAX_DELAY_MS);
  try {
    const [code, signal] = await ended;
    return { said: Buffer.concat(said).toString("utf8"), code, signal, isLate };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", endGroup);
  }
}

function spawnTrial(command: readonly string[], options: { env: NodeJS.ProcessEnv; cwd?: string }): ChildProcess {
  const [path = "", ...words] = command;
  try {
    return spawn(path, words, { ...options, detached: true, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  } catch (error) {
    throw tooLong(error, { words: command, environment: options.env }) ?? error;
  }
}

/** A process that was spawned, and what it prints. */
interface Leader {
  child: ChildProcess;
  output: Partial<Record<OutputStream, Readable | null>>;
}

// Detached, so that it leads a session and a process group: its descendants can be signalled together.
function spawnLeader(
  command: readonly string[],
  { run, environment, folder, limits, stdin = "empty" }: ProcessOptions,
  ownership: ProcessOwnership,
  pipes: readonly "pipe"[],
): Leader {
  const [path = "", ...words] = [...ownership.commandPrefix(limits ?? { nice: 0 }), ...command];
  const env = {
    ...withoutTask(process.env),
    ...ownership.environment,
    ...environment,
    ...ownership.cookieVariable(run),
  };
  try {
    return withInput(ownership, stdin, (input) =>
      withOutput(ownership, (stdout, stderr) => {
        const child = spawn(path, words, {
          ...(folder === undefined ? {} : { cwd: folder }),
          env,
          detached: true,
          stdio: [input, stdout, stderr, ...pipes],
        });
        child.stdin?.on("error", () => {}); // the process is gone: `exit` follows
        return child;
      }),
    );
  } catch (error) {
    throw tooLong(error, { words: command, environment: env }) ?? error;
  }
}

/** Spawns a process with a pipe of ours for its input if that is open: nothing is written to it, and it ends with us. */
function withInput(
  { outputPipes }: ProcessOwnership,
  kind: StdinKind,
  start: (stdin: number | "pipe" | "ignore") => Leader,
): Leader {
  const pipe = kind === "open" ? outputPipes.openInput() : undefined;
  if (pipe === undefined) return start(kind === "open" ? "pipe" : "ignore");
  let child: ChildProcess | undefined;
  try {
    const leader = start(pipe.readEnd);
    ({ child } = leader);
    return leader;
  } finally {
    closeSync(pipe.readEnd);
    if (child?.pid === undefined) closeSync(pipe.writeEnd);
    else child.once("exit", () => closeSync(pipe.writeEnd));
  }
}

/** Spawns a process with pipes of ours for its output, or with those of Node where there are none. */
function withOutput(
  { outputPipes }: ProcessOwnership,
  start: (stdout: number | "pipe", stderr: number | "pipe") => ChildProcess,
): Leader {
  const pipes: OutputPipe[] = [];
  let child: ChildProcess | undefined;
  try {
    const open = () => pipes.push(...[outputPipes.open() ?? []].flat());
    open();
    open();
    const [stdout, stderr] = pipes;
    child = start(stdout?.writeEnd ?? "pipe", stderr?.writeEnd ?? "pipe");
    return { child, output: { stdout: stdout?.stream ?? child.stdout, stderr: stderr?.stream ?? child.stderr } };
  } finally {
    for (const { writeEnd } of pipes) closeSync(writeEnd);
    if (child?.pid === undefined) for (const { stream } of pipes) stream.destroy();
  }
}

interface Following {
  ownership: ProcessOwnership;
  events: ProgramEvents;
  /** Of its pipe, besides those of its output. */
  readers?: readonly LineReader[];
}

/** Reports what becomes of a process that was spawned, to the end of its tree. */
function follow({ child, output }: Leader, options: ProcessOptions, following: Following): RunningProgram {
  const { ownership, events, readers = [] } = following;
  const outputs = readOutput(output, events);
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
    if (!(await drained([...readers, ...outputs]))) events.onOutput("stderr", HELD);
    await Promise.all([...readers, ...outputs].map((reader) => reader.close()));
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

function readOutput(output: Leader["output"], events: ProgramEvents): LineReader[] {
  return (["stdout", "stderr"] as const).flatMap((name) => {
    const stream = output[name];
    const onLine = (printed: PrintedLine) => events.onOutput(name, printed);
    return stream ? [readPrintedLines(stream, { slices, onLine })] : [];
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

const HELD = printedLineOf({
  line: "zcontext: not read any further: another process goes on printing after the end of the task",
});

/**
 * Waits until everything has been read that the process has written, and then for the end of its output. A descendant that
 * was not found may hold that open for ever: without the end, silence counts, or false is returned after a while.
 */
async function drained(readers: readonly LineReader[]): Promise<boolean> {
  await Promise.all(readers.map((reader) => reader.caughtUp()));
  const ended = Promise.all(readers.map((reader) => Promise.race([reader.done, reader.silent(SILENCE_MS)])));
  const over = new AbortController();
  const isHeld = pause(STRANGER_MS, false, { ref: false, signal: over.signal }).catch(() => false);
  return Promise.race([ended.then(() => true), isHeld]).finally(() => over.abort());
}

function failureOf(error: Error): SpawnFailure {
  return { reason: error.message, isTransient: isShortage(error) };
}

// Without free descriptors a failed spawn has not even stdio; an error follows.
function stdioOf(child: ChildProcess): (Readable | Writable | null | undefined)[] {
  return (child.stdio as ChildProcess["stdio"] | undefined) ?? [];
}
