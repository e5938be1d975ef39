// Keeps a companion process of the provider alive, such as the forwarder: starts it, replaces it when it dies, and kills it
// when it falls silent. The two speak over a pipe, its descriptor 3, a line of JSON each; every line is a heartbeat.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ZcontextError } from "../errors.ts";
import type { Liveness, Watchdog } from "../liveness.ts";

/** A process that is kept alive until it is closed. */
export interface Companion<Ready> extends AsyncDisposable {
  /** What the first process has said when it was ready. */
  readonly ready: Ready;
  /** Of the present process. */
  readonly pid: number;
  /** Says a line to the present process; it is dropped where that has ended, and its replacement gets the greeting. */
  say(line: string): void;
  close(): Promise<void>;
}

export interface CompanionProgram {
  /** Of the package's `imports`, such as `#forwarder`. */
  entry: string;
  words: readonly string[];
  /** In addition to that of the provider. */
  environment: Record<string, string>;
}

export interface CompanionOptions<Ready> {
  /** What to run. `first` is what the first process has said; undefined for that one. */
  program(first: Ready | undefined): CompanionProgram;
  /** Reads the first line. @throws What `failure` explains. */
  readReady(line: string): Ready;
  /** Called with each further line. */
  onLine?(line: string): void;
  /** What a replacement has to be told. */
  greeting?(): readonly string[];
  /** Asks the process to end in order. */
  farewell: string;
  /** Why a process could not be started. */
  failure(error: NodeJS.ErrnoException): ZcontextError;
  /** Times its silence. */
  liveness: Liveness;
}

export interface CompanionEvents {
  /** It was silent for so long that it is being killed; `onLost` follows. */
  onSilent?(silence: { pid: number; silentMs: number }): void;
  /** It ended unasked; a replacement is being started. */
  onLost?(exit: { pid: number; code: number | null; signal: NodeJS.Signals | null }): void;
  /** The replacement is ready. */
  onBack?(pid: number): void;
  /** A replacement could not be started; the next attempt follows after a short pause. */
  onRetry?(error: ZcontextError): void;
}

/** Pause before another attempt when a replacement could not be started, in milliseconds. */
const RETRY_MS = 100;
/** How long an orderly end may take before the process is killed, in milliseconds. */
const LEAVE_MS = 1_000;
/** The silence after which a process is killed (it beats each second), and the limit for its first line; in milliseconds. */
const SILENCE_MS = 5_000;
const START_MS = 30_000;

/** Starts a companion; resolves when it is ready, and rejects with what `failure` makes of the reason. */
export async function startCompanion<Ready>(
  options: CompanionOptions<Ready>,
  events: CompanionEvents = {},
): Promise<Companion<Ready>> {
  let current = await launch(undefined, options, events);
  const { ready } = current;
  let closing = false;
  const kept = keepAlive();

  async function keepAlive(): Promise<void> {
    while (true) {
      const [code, signal] = await current.exit;
      current.watchdog.end();
      if (closing) return;
      events.onLost?.({ pid: current.pid, code, signal });
      const next = await replace();
      if (next === undefined) return;
      current = next;
      for (const line of options.greeting?.() ?? []) say(current, line);
      if (closing) kill(current.child);
      else events.onBack?.(current.pid);
    }
  }

  async function replace(): Promise<Running<Ready> | undefined> {
    while (!closing) {
      try {
        return await launch(ready, options, events);
      } catch (error) {
        events.onRetry?.(error as ZcontextError);
        await pause(RETRY_MS);
      }
    }
    return undefined;
  }

  async function close(): Promise<void> {
    closing = true;
    say(current, options.farewell);
    const late = setTimeout(() => kill(current.child), LEAVE_MS);
    await kept;
    clearTimeout(late);
  }

  return {
    ready,
    get pid() {
      return current.pid;
    },
    say: (line) => say(current, line),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Running<Ready> {
  child: ChildProcess;
  pid: number;
  ready: Ready;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
  /** Over its heartbeats. */
  watchdog: Watchdog;
}

function say({ child }: Pick<Running<unknown>, "child">, line: string): void {
  const pipe = pipeOf(child);
  if (pipe?.writable) pipe.write(line);
}

function pipeOf(child: ChildProcess): Duplex | undefined {
  return (child.stdio as ChildProcess["stdio"] | undefined)?.[3] as Duplex | undefined;
}

// SIGKILL, since a process.exit() in a SIGTERM handler hangs while the native proxy of the forwarder runs.
function kill(child: ChildProcess): void {
  child.kill("SIGKILL");
}

async function launch<Ready>(
  first: Ready | undefined,
  { program, readReady, onLine, failure, liveness }: CompanionOptions<Ready>,
  { onSilent }: CompanionEvents,
): Promise<Running<Ready>> {
  const child = spawnProgram(program(first));
  const exit = once(child, "exit") as Running<Ready>["exit"];
  const pid = child.pid as number;
  const startWatchdog = (timeoutMs: number) => {
    const watchdog = liveness.startWatchdog(timeoutMs, (silentMs) => {
      onSilent?.({ pid, silentMs: Math.round(silentMs) });
      kill(child);
    });
    watchdog.beat();
    return watchdog;
  };
  let watchdog = startWatchdog(START_MS);
  try {
    // Without free descriptors there is neither a process nor its pipe; `exit` then rejects.
    const pipe = pipeOf(child);
    const ended = exit.then(() => undefined);
    const first = pipe === undefined ? ended : Promise.race([firstLine(pipe, beat), ended]);
    const line = await first;
    if (line === undefined) throw new Error("it ended before it was ready");
    const ready = readReady(line);
    watchdog.end();
    watchdog = startWatchdog(SILENCE_MS);
    return { child, pid, ready, exit, watchdog };
  } catch (error) {
    watchdog.end();
    kill(child);
    throw failure(error as NodeJS.ErrnoException);
  }

  function beat(line: string, isFirst: boolean): void {
    watchdog.beat();
    if (!isFirst) onLine?.(line);
  }
}

function spawnProgram({ entry, words, environment }: CompanionProgram): ChildProcess {
  return spawn(process.execPath, [createRequire(import.meta.url).resolve(entry), ...words], {
    // Its own session: Ctrl-C in the provider's terminal must not end it before the tasks have stopped.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: { ...process.env, ...environment },
  });
}

/** The first line; `onLine` is called with that and with all that follow. */
async function firstLine(pipe: Duplex, onLine: (line: string, isFirst: boolean) => void): Promise<string> {
  pipe.on("error", () => {}); // the process is gone: `exit` follows
  let isFirst = true;
  const lines = createInterface(pipe)
    .on("error", () => {})
    .on("line", (line) => {
      onLine(line, isFirst);
      isFirst = false;
    });
  const [line] = await once(lines, "line");
  return line;
}
