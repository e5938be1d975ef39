// Keeps the forwarder process alive, the one between publishers and subscribers: starts it, replaces it on the same
// addresses when it dies, and kills it when it falls silent. What runs inside it is in forwarder-main.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../errors.ts";
import { createLiveness, type Liveness, type Watchdog } from "../liveness.ts";
import { COOKIE, type Cookie, FORWARDER_RUN, writeCookie } from "../processes/cookie.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { shortageHint } from "../shortage.ts";
import { missingIpv6 } from "./exposure.ts";
import { type ForwarderOrder, readReport, type StartFailure, type StartReport, writeLine } from "./forwarder-pipe.ts";
import type { Guard } from "./guard.ts";

/** The forwarder of one provider, kept alive until it is closed. */
export interface Forwarder extends AsyncDisposable {
  /** Where it is bound, with the ports that the system chose; a replacement is bound there as well. */
  readonly bound: Endpoints;
  /** Of the present process. */
  readonly pid: number;
  /** The guard in its process; a replacement is told of the same tasks. It needs the provider's cookie to act. */
  readonly guard: Pick<Guard, "add" | "remove">;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** Of the provider whose processes are guarded; without it nothing is. */
  cookie?: Pick<Cookie, "context" | "provider">;
  /** Times the forwarder's silence. */
  liveness?: Liveness;
}

export interface ForwarderEvents {
  /** It was silent for so long that it is being killed; `onLost` follows. */
  onSilent?(silence: { pid: number; silentMs: number }): void;
  /** It ended unasked; a replacement is being started. */
  onLost?(exit: { pid: number; code: number | null; signal: NodeJS.Signals | null }): void;
  /** The replacement is bound and forwards messages. */
  onBack?(pid: number): void;
  /** A replacement could not bind; the next attempt follows after a short pause. */
  onRetry?(error: ZcontextError): void;
}

const ENTRY = "#forwarder";
/** Pause before another attempt when a replacement could not bind, in milliseconds. */
const RETRY_MS = 100;
/** How long an orderly end may take before the forwarder is killed, in milliseconds. */
const LEAVE_MS = 1_000;
/** The silence after which a forwarder is killed (it beats each second), and the limit for its first line; in milliseconds. */
const SILENCE_MS = 5_000;
const START_MS = 30_000;

/**
 * Starts the forwarder and resolves when it is bound and forwards messages. One that dies is replaced at once, on the
 * same addresses; peers reconnect by themselves. One that falls silent, as when it is halted, is killed and replaced.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE` or `ERR_FORWARDER_FAILED`.
 */
export async function startForwarder(
  binds: Endpoints,
  events: ForwarderEvents = {},
  { cookie, liveness = createLiveness() }: ForwarderOptions = {},
): Promise<Forwarder> {
  const spawnAt = (binds: Endpoints) => spawnForwarder(binds, { cookie, liveness, onSilent: events.onSilent });
  let current = await spawnAt(binds);
  const { bound } = current;
  const guarded = new Map<number, ProcessIdentity>();
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
      for (const leader of guarded.values()) send(current, { guard: leader });
      if (closing) kill(current);
      else events.onBack?.(current.pid);
    }
  }

  async function replace(): Promise<Running | undefined> {
    while (!closing) {
      try {
        return await spawnAt(bound);
      } catch (error) {
        events.onRetry?.(error as ZcontextError);
        await pause(RETRY_MS);
      }
    }
    return undefined;
  }

  async function close(): Promise<void> {
    closing = true;
    // It sends what it still holds, and ends.
    send(current, { leave: true });
    const late = setTimeout(() => kill(current), LEAVE_MS);
    await kept;
    clearTimeout(late);
  }

  return {
    bound,
    get pid() {
      return current.pid;
    },
    guard: {
      add({ pid, startTicks }) {
        guarded.set(pid, { pid, startTicks });
        send(current, { guard: { pid, startTicks } });
      },
      remove(pid) {
        if (guarded.delete(pid)) send(current, { release: pid });
      },
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Running {
  child: ChildProcess;
  pid: number;
  bound: Endpoints;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
  /** Over its heartbeats. */
  watchdog: Watchdog;
}

/** What the first process and its replacements have in common. */
interface SpawnOptions {
  cookie: ForwarderOptions["cookie"];
  liveness: Liveness;
  onSilent: ForwarderEvents["onSilent"];
}

// An order to a process that has ended is dropped: its replacement gets all of them.
function send({ child }: Running, order: ForwarderOrder): void {
  const pipe = pipeOf(child);
  if (pipe?.writable) pipe.write(writeLine(order));
}

function pipeOf(child: ChildProcess): Duplex | undefined {
  return (child.stdio as ChildProcess["stdio"] | undefined)?.[3] as Duplex | undefined;
}

// SIGKILL, since a process.exit() in a SIGTERM handler hangs while the proxy runs.
function kill({ child }: Pick<Running, "child">): void {
  child.kill("SIGKILL");
}

async function spawnForwarder(binds: Endpoints, { cookie, liveness, onSilent }: SpawnOptions): Promise<Running> {
  const child = spawnEntry(binds, cookie);
  const exit = once(child, "exit") as Running["exit"];
  const pid = child.pid as number;
  const startWatchdog = (timeoutMs: number) => {
    const watchdog = liveness.startWatchdog(timeoutMs, (silentMs) => {
      onSilent?.({ pid, silentMs: Math.round(silentMs) });
      kill({ child });
    });
    watchdog.beat();
    return watchdog;
  };
  let watchdog = startWatchdog(START_MS);
  // Without free descriptors there is neither a process nor its pipe; `exit` then rejects.
  const pipe = pipeOf(child);
  const ended = exit.then(() => undefined);
  const report = await (pipe === undefined
    ? ended
    : Promise.race([firstReport(pipe, () => watchdog.beat()), ended])
  ).catch(failureOf);
  watchdog.end();
  if (report && "bound" in report) {
    watchdog = startWatchdog(SILENCE_MS);
    return { child, pid, bound: report.bound, exit, watchdog };
  }
  kill({ child });
  throw startError(report?.failed ?? { message: "it ended before it was ready" });
}

function spawnEntry(binds: Endpoints, cookie: ForwarderOptions["cookie"]): ChildProcess {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  return spawn(process.execPath, [entry, binds.publish, binds.subscribe], {
    // Its own session: Ctrl-C in the provider's terminal must not end the forwarder before the tasks have stopped.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    // The proxy occupies one thread of libuv's pool as long as it runs.
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: "8",
      ...(cookie && { [COOKIE]: writeCookie({ ...cookie, run: FORWARDER_RUN }) }),
    },
  });
}

/** The first line, which says whether it is bound. Every line is a heartbeat. */
async function firstReport(pipe: Duplex, onBeat: () => void): Promise<StartReport> {
  pipe.on("error", () => {}); // the process is gone: `exit` follows
  const lines = createInterface(pipe)
    .on("error", () => {})
    .on("line", onBeat);
  const [line] = await once(lines, "line");
  return readReport(line);
}

function failureOf({ code, message }: NodeJS.ErrnoException): StartReport {
  return { failed: { code, message } };
}

function startError({ code, message, endpoint }: StartFailure): ZcontextError {
  const hint = shortageHint({ code });
  if (code === "EADDRINUSE") {
    return new ZcontextError("ERR_ENDPOINT_IN_USE", `${endpoint} is in use by another process`, {
      hint: "Stop the other provider, or change the ports in the context file; for a port written as * the system chooses one.",
    });
  }
  const reason = (endpoint && missingIpv6(endpoint, { code })) ?? message;
  return new ZcontextError(
    "ERR_FORWARDER_FAILED",
    `the forwarder could not start: ${reason}${endpoint ? ` (${endpoint})` : ""}`,
    hint === undefined ? {} : { hint },
  );
}
