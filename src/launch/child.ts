import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { Duplex, Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, type ZcontextError } from "../errors.ts";
import { clearTree } from "../processes/clear.ts";
import type { ProcessEntry } from "../processes/stat.ts";
import type { Ended, Survivor, Termination } from "../processes/termination.ts";
import { createTree, membersOf, snapshotTree, type Tree, UNKNOWN_START } from "../processes/tree.ts";
import { MAX_LINE_LENGTH } from "../protocol/lines.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readFromTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { isShortage } from "../shortage.ts";
import { type LineReader, readLines } from "./line-reader.ts";
import { signalGroup } from "./process-group.ts";
import type { Limits, ProcessOwnership } from "./process-ownership.ts";
import { createTurns } from "./time-slices.ts";

/** How a process ended: a code, or the signal that ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** We have sent it SIGKILL. */
  wasKilled: boolean;
  /** What it had started and left behind, and what has ended that. */
  ended: readonly Ended[];
}

export type OutputStream = "stdout" | "stderr";

/** What becomes of any program. */
export interface ProgramEvents {
  onSpawned(pid: number): void;
  /** There is no process; nothing else follows. */
  onSpawnFailed(failure: SpawnFailure): void;
  onOutput(stream: OutputStream, line: string): void;
  /** The process has ended, and something it has started has not; that is being ended. */
  onLingers(): void;
  /** Something of it can't be ended; `onExit` follows if that ever changes. */
  onStuck(reason: string): void;
  /** The process and all it started are gone, and what it wrote was handed on. Comes once, after everything else. */
  onExit(exit: Exit): void;
}

export interface SpawnFailure {
  reason: string;
  /** The system is short of something; another attempt may succeed. */
  isTransient: boolean;
}

export interface ChildEvents extends ProgramEvents {
  onMessage(message: FromTask): void;
  /** A line on the pipe that could not be read; it is dropped. */
  onGarbage(error: ZcontextError): void;
}

/** A program that runs, seen from the provider. */
export interface RunningProgram {
  /** To the process and its group. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the process and all it started, at once. */
  kill(): void;
}

/** A task process, seen from the provider. */
export interface Child extends RunningProgram {
  /** Over the pipe; lost when the process is gone. */
  send(message: ToTask): void;
  /** Tells the process that nothing more will come. */
  hangUp(): void;
}

/** What any process is started with. */
export interface ProcessOptions {
  /** The run it belongs to; its mark and that of all it starts. */
  run: string;
  /** In addition to ours. */
  environment: Readonly<Record<string, string>>;
  /** Where it runs; where we do by default. */
  folder?: string | undefined;
  limits?: Limits;
  /** For what it leaves behind. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

export interface Program extends ProcessOptions {
  /** Of the file to run, absolute. */
  path: string;
  words: readonly string[];
}

const ENTRY = "#task";
/** How long what a process wrote may take to arrive once it has ended; a descendant may hold its pipes open. */
const DRAIN_MS = 1_000;
/** How long a process may outlive SIGKILL before that is told, and the pause between further attempts. */
const STUCK_MS = 2_000;
const AGAIN_MS = 5_000;

/** All processes share it: many that print without end hold up the provider no more than one does. */
const turns = createTurns();

/** Starts any program. */
export function startProgram(program: Program, ownership: ProcessOwnership, events: ProgramEvents): RunningProgram {
  return follow(start([program.path, ...program.words], program, ownership, []), program, ownership, events);
}

/** Starts a task process; `label` shows in the process table. */
export function startChild(
  label: readonly string[],
  processOptions: ProcessOptions,
  ownership: ProcessOwnership,
  events: ChildEvents,
): Child {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  // One duplex pipe of our own rather than fork's channel: it starts faster, and its end says the other side is gone.
  const words = [process.execPath, "--enable-source-maps", entry, ...label];
  const child = start(words, processOptions, ownership, ["pipe"]);
  const pipe = stdioOf(child)[3] as Duplex | undefined;
  if (pipe === undefined) return { ...follow(child, processOptions, ownership, events), send() {}, hangUp() {} };

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
  const messages = readLines(pipe, { maxLength: MAX_PIPE_LINE_LENGTH, turns, onLine });
  const running = follow(child, processOptions, ownership, events, messages);
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  return {
    ...running,
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    hangUp: () => pipe.end(),
  };
}

/** Whether a program of the system runs with these words and ends well. Rejects when the system is too short to tell. */
export function runsWell(path: string, words: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(path, words, { timeout: DRAIN_MS }, (error) =>
      isShortage(error) ? reject(error) : resolve(error === null),
    );
  });
}

// The process leads a session and a process group of its own, so that what it starts can be reached together.
function start(
  command: readonly string[],
  { run, environment, folder, limits }: ProcessOptions,
  ownership: ProcessOwnership,
  pipes: readonly "pipe"[],
): ChildProcess {
  const [path = "", ...words] = [...ownership.prefixOf(limits ?? { nice: 0 }), ...command];
  return spawn(path, words, {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: { ...process.env, ...environment, ...ownership.markOf(run) },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...pipes],
  });
}

/** What is the same for every process we start: it prints, it is known to the guard, and it ends with all it started. */
function follow(
  child: ChildProcess,
  { run, stopSignal = "SIGTERM" }: ProcessOptions,
  { table, guard }: ProcessOwnership,
  events: ProgramEvents,
  ...others: LineReader[]
): RunningProgram {
  const readers = [...others];
  let tree: Tree | undefined;
  let clearing: Termination | undefined;
  let isKilled = false;
  /** The others of its group, when that was sent SIGKILL. */
  let struck: Ended[] = [];
  let persisting: NodeJS.Timeout | undefined;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;

  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined) events.onSpawnFailed(classify(error));
  });
  for (const stream of ["stdout", "stderr"] as const) {
    const output = child[stream] as Readable | null | undefined;
    const onLine = (line: string) => events.onOutput(stream, line);
    if (output) readers.push(readLines(output, { maxLength: MAX_LINE_LENGTH, turns, onLine }));
  }
  child.once("spawn", () => {
    const pid = child.pid as number;
    // One that has ended already is still in the table, since nobody has waited for it yet.
    const leader = { pid, startTicks: table.find(pid)?.startTicks ?? UNKNOWN_START };
    tree = createTree(leader, run);
    guard.watch(leader);
    events.onSpawned(pid);
  });
  const closed = once(child, "close").catch(() => {}); // refused when there was no process at all
  child.once("exit", async (code, signal) => {
    clearTimeout(persisting);
    const ended = withStruck(await clear());
    guard.forget(child.pid as number);
    // Somebody who could not be found may hold the other ends for ever.
    const drained = Promise.all([closed, ...readers.map(({ done }) => done)]);
    await Promise.race([drained, pause(DRAIN_MS, undefined, { ref: false })]);
    for (const reader of readers) reader.cut();
    for (const stream of stdioOf(child)) stream?.destroy();
    events.onExit({ code, signal, wasKilled: isKilled, ended });
  });

  // Some of them may have been on their way out still, and been found again.
  function withStruck(cleared: Ended[]): Ended[] {
    return [...struck.filter(({ pid }) => !cleared.some((other) => other.pid === pid)), ...cleared];
  }

  function clear(): Promise<Ended[]> {
    clearing = clearTree(tree as Tree, {
      table,
      stopSignal,
      graceMs: isKilled || stopSignal === "SIGKILL" ? 0 : Number.POSITIVE_INFINITY,
      onLingers: events.onLingers,
      onStuck: (survivors) => events.onStuck(survivors.map(describe).join(", ")),
    });
    return clearing.done;
  }

  // Who is halted hears nothing but SIGKILL until it goes on.
  function signal(name: NodeJS.Signals): void {
    if (child.pid === undefined || hasEnded()) return;
    signalGroup(child.pid, name);
    if (name !== "SIGKILL") signalGroup(child.pid, "SIGCONT");
  }

  // Those that hide in sessions of their own are known by their parents only, who may be gone in a moment.
  async function remember(): Promise<ProcessEntry[]> {
    const entries = await table.read().catch(() => undefined);
    if (tree === undefined || entries === undefined) return []; // then it is group, session and mark
    tree = snapshotTree(tree, entries);
    return membersOf(entries, tree);
  }

  // Who goes with the leader can't be found any more once the leader is gone.
  function strike(members: readonly ProcessEntry[]): void {
    if (hasEnded()) return;
    struck = members
      .filter(({ pid, group }) => group === child.pid && pid !== child.pid)
      .map(({ pid, name }) => ({ pid, name, signal: "SIGKILL" }));
    attemptKill();
    persist(STUCK_MS, false);
  }

  // Not even SIGKILL ends what waits for a device, or what has become somebody else's.
  function persist(afterMs: number, isTold: boolean): void {
    persisting = setTimeout(() => {
      if (hasEnded()) return;
      if (!isTold) events.onStuck(`pid ${child.pid} is still there after SIGKILL${stateOf(child.pid)}`);
      attemptKill();
      persist(AGAIN_MS, true);
    }, afterMs);
  }

  function stateOf(pid = 0): string {
    const state = table.find(pid)?.state;
    return state === undefined ? "" : ` (state ${state})`;
  }

  function attemptKill(): void {
    try {
      signal("SIGKILL");
    } catch (error) {
      events.onStuck(`pid ${child.pid}: ${reasonOf(error)}`);
    }
  }

  return {
    signal(name) {
      // What is not ours to signal is told when it does not go.
      void remember()
        .then(() => signal(name))
        .catch(() => {});
    },
    kill() {
      if (isKilled) return;
      isKilled = true;
      clearing?.killNow();
      if (!hasEnded()) void remember().then(strike);
    },
  };
}

function classify(error: NodeJS.ErrnoException): SpawnFailure {
  return { reason: error.message, isTransient: isShortage(error) };
}

function describe({ pid, name, reason }: Survivor): string {
  return `pid ${pid} (${name}): ${reason}`;
}

// Without descriptors to spare there is no process and not even its pipes; an error follows.
function stdioOf(child: ChildProcess): (Readable | Writable | null | undefined)[] {
  return (child.stdio as ChildProcess["stdio"] | undefined) ?? [];
}
