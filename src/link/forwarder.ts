import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../errors.ts";
import { createLiveness, type Liveness, type Watch } from "../liveness.ts";
import { COOKIE, type Cookie, FORWARDER_RUN, writeCookie } from "../processes/cookie.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { shortageHint } from "../shortage.ts";

/** The process between publishers and subscribers, kept alive until it is closed. */
export interface Forwarder extends AsyncDisposable {
  /** Where it is bound, ports chosen by the system included; the same for all its lives. */
  readonly bound: Endpoints;
  readonly pid: number;
  /**
   * Has it guard a task: should we die without closing it, it ends what is left in the group and session of this
   * leader, and whatever else has our provider's cookie. It needs that cookie.
   */
  watch(leader: ProcessIdentity): void;
  /** Nothing is left of this task. */
  forget(pid: number): void;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** Whose processes it guards; without it, it guards nobody. */
  cookie?: Pick<Cookie, "context" | "provider">;
  /** Notices when it falls silent. */
  liveness?: Liveness;
}

/** What the forwarder process is told over its pipe, a line of JSON each. */
export type Order = { watch: ProcessIdentity } | { forget: number } | { leave: true };

export interface ForwarderEvents {
  /** It has given no sign of life for so long, and is being ended; `onLost` follows. */
  onSilent?(silence: { pid: number; silentMs: number }): void;
  /** It ended, though nobody asked; a new one is on its way. */
  onLost?(exit: { pid: number; code: number | null; signal: NodeJS.Signals | null }): void;
  /** The new one is bound and takes messages. */
  onBack?(pid: number): void;
  /** A new one could not bind; the next attempt follows after a short pause. */
  onRetry?(error: ZcontextError): void;
}

const ENTRY = "#forwarder";
/** Pause before another attempt when a respawned forwarder could not bind, in milliseconds. */
const RETRY_MS = 100;
/** How long an orderly end may take before the forwarder is killed, in milliseconds. */
const LEAVE_MS = 1_000;
/** How long it may be silent, which gives a sign of life each second, and how long before the first one; in milliseconds. */
const SILENCE_MS = 5_000;
const START_MS = 30_000;

/**
 * Starts the forwarder and resolves when it is bound and takes messages. One that dies is replaced at once, on the
 * same addresses; peers reconnect by themselves. One that falls silent, as when it is halted, is made to die.
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
  const watched = new Map<number, ProcessIdentity>();
  let closing = false;
  const kept = keepAlive();

  async function keepAlive(): Promise<void> {
    while (true) {
      const [code, signal] = await current.exit;
      current.watch.end();
      if (closing) return;
      events.onLost?.({ pid: current.pid, code, signal });
      const next = await respawn();
      if (next === undefined) return;
      current = next;
      for (const leader of watched.values()) tell(current, { watch: leader });
      if (closing) end(current);
      else events.onBack?.(current.pid);
    }
  }

  async function respawn(): Promise<Running | undefined> {
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
    tell(current, { leave: true });
    const late = setTimeout(() => end(current), LEAVE_MS);
    await kept;
    clearTimeout(late);
  }

  return {
    bound,
    get pid() {
      return current.pid;
    },
    watch({ pid, startTicks }) {
      watched.set(pid, { pid, startTicks });
      tell(current, { watch: { pid, startTicks } });
    },
    forget(pid) {
      if (watched.delete(pid)) tell(current, { forget: pid });
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
  /** Over its signs of life. */
  watch: Watch;
}

/** What is the same for all its lives. */
interface Care {
  cookie: ForwarderOptions["cookie"];
  liveness: Liveness;
  onSilent: ForwarderEvents["onSilent"];
}

// To one that has ended nothing is said: its successor is told everything.
function tell({ child }: Running, order: Order): void {
  const pipe = pipeOf(child);
  if (pipe?.writable) pipe.write(`${JSON.stringify(order)}\n`);
}

function pipeOf(child: ChildProcess): Duplex | undefined {
  return (child.stdio as ChildProcess["stdio"] | undefined)?.[3] as Duplex | undefined;
}

// Never politely in the midst of its work: process.exit() hangs while the proxy runs.
function end({ child }: Pick<Running, "child">): void {
  child.kill("SIGKILL");
}

async function spawnForwarder(binds: Endpoints, { cookie, liveness, onSilent }: Care): Promise<Running> {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  const child = spawn(process.execPath, [entry, binds.publish, binds.subscribe], {
    // A session of its own: Ctrl-C in the provider's terminal must not take the bus from under an orderly stop.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    // The proxy occupies one thread of libuv's pool for life.
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: "8",
      ...(cookie && { [COOKIE]: writeCookie({ ...cookie, run: FORWARDER_RUN }) }),
    },
  });
  const exit = once(child, "exit") as Running["exit"];
  const pid = child.pid as number;
  const watchFor = (timeoutMs: number) => {
    const watch = liveness.watch(timeoutMs, (silentMs) => {
      onSilent?.({ pid, silentMs: Math.round(silentMs) });
      end({ child });
    });
    watch.beat();
    return watch;
  };
  let watch = watchFor(START_MS);
  // Without descriptors to spare there is no process and not even its pipe; then `exit` is refused.
  const pipe = pipeOf(child);
  const ended = exit.then(() => undefined);
  const report = await (pipe === undefined
    ? ended
    : Promise.race([firstReport(pipe, () => watch.beat()), ended])
  ).catch(failed);
  watch.end();
  if (report && "bound" in report) {
    watch = watchFor(SILENCE_MS);
    return { child, pid, bound: report.bound, exit, watch };
  }
  end({ child });
  throw refusal(report?.failed ?? { message: "it ended before it was ready" });
}

interface Failure {
  code?: string;
  message: string;
  endpoint?: string;
}

type Report = { bound: Endpoints; failed?: never } | { failed: Failure };

/** Whatever it says is a sign of life; its first line says whether it is bound. */
async function firstReport(pipe: Duplex, onSign: () => void): Promise<Report> {
  pipe.on("error", () => {}); // it is gone: `exit` follows
  const lines = createInterface(pipe)
    .on("error", () => {})
    .on("line", onSign);
  const [line] = await once(lines, "line");
  return JSON.parse(line) as Report;
}

function failed(error: NodeJS.ErrnoException): Report {
  return { failed: { message: error.message, ...(error.code === undefined ? {} : { code: error.code }) } };
}

function refusal({ code, message, endpoint }: Failure): ZcontextError {
  const hint = shortageHint({ code });
  if (code === "EADDRINUSE") {
    return new ZcontextError("ERR_ENDPOINT_IN_USE", `${endpoint} is in use by another process`, {
      hint: "Stop the other provider, or change the ports of the context file; a port written as * is chosen by the system.",
    });
  }
  return new ZcontextError(
    "ERR_FORWARDER_FAILED",
    `the forwarder could not start: ${message}${endpoint ? ` (${endpoint})` : ""}`,
    hint === undefined ? {} : { hint },
  );
}
