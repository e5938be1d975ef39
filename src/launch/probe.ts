// Asks, on behalf of a task that can't say so itself, whether it is ready: again and again, one attempt at a time, until
// it is or nobody wants to know any more.
import { connect } from "node:net";
import type { Probe } from "../config/model.ts";
import { reasonOf } from "../errors.ts";
import type { Program, ProgramEvents, RunningProgram } from "./child.ts";
import { findProgram } from "./program.ts";

export interface ProbeOptions {
  /** From where a program with a slash in its name is looked for. */
  folder: string;
  /** Starts the program of a probe, in an environment and under limits that are no matter of the probe's. */
  run: StartProbeProgram;
  /** Called at most once, and last. */
  onReady(): void;
  /** Called after each attempt that was in vain, with a clause that says why. */
  onAttempt?(fault: string): void;
}

export type StartProbeProgram = (
  program: Pick<Program, "path" | "words">,
  events: Pick<ProgramEvents, "onSpawnFailed" | "onExit">,
) => Pick<RunningProgram, "kill">;

export interface RunningProbe {
  /** Why the task does not count as ready, in a clause; undefined as long as that is not known. */
  readonly lastFault: string | undefined;
  /** Hands on a line that the task has printed. */
  line(text: string): void;
  /** Ends it: an attempt under way is cut, and nothing is called any more. */
  stop(): void;
}

type Asking = Exclude<Probe, { kind: "log" }>;

/** Starts to ask, at once. */
export function startProbe(probe: Probe, options: ProbeOptions): RunningProbe {
  return probe.kind === "log" ? awaitLine(probe, options) : askAgainAndAgain(probe, options);
}

function awaitLine({ pattern }: Probe & { kind: "log" }, { onReady }: ProbeOptions): RunningProbe {
  const expected = new RegExp(pattern);
  let isOver = false;
  return {
    lastFault: `no line has matched ${expected}`,
    line(text) {
      if (isOver || !expected.test(text)) return;
      isOver = true;
      onReady();
    },
    stop() {
      isOver = true;
    },
  };
}

function askAgainAndAgain(probe: Asking, options: ProbeOptions): RunningProbe {
  let lastFault: string | undefined;
  let isOver = false;
  let cut = new AbortController();
  /** Of the attempt under way, or of the pause until the next. */
  let timer: NodeJS.Timeout | undefined;

  async function attempt(): Promise<void> {
    cut = new AbortController();
    timer = setTimeout(giveUp, probe.timeoutMs);
    const { signal } = cut;
    const fault = await ask(probe, options, signal).catch(describe);
    clearTimeout(timer);
    if (!signal.aborted) {
      if (fault === undefined) return ready();
      blame(fault);
    }
    if (!isOver) timer = setTimeout(attempt, probe.intervalMs);
  }

  // The next attempt waits for the end of this one all the same: what hangs must not pile up.
  function giveUp(): void {
    cut.abort();
    blame(`no answer within ${probe.timeoutMs / 1000} s`);
  }

  function blame(fault: string): void {
    lastFault = fault;
    options.onAttempt?.(fault);
  }

  function ready(): void {
    stop();
    options.onReady();
  }

  function stop(): void {
    isOver = true;
    clearTimeout(timer);
    cut.abort();
  }

  void attempt();
  return {
    get lastFault() {
      return lastFault;
    },
    line() {},
    stop,
  };
}

/** One attempt: what was wrong, undefined when the task is ready. Ends soon, in whatever way, once it is cut. */
function ask(probe: Asking, options: ProbeOptions, cut: AbortSignal): Promise<string | undefined> {
  switch (probe.kind) {
    case "exec":
      return askProgram(probe, options, cut);
    case "tcp":
      return askPort(probe, cut);
    case "http":
      return askUrl(probe, cut);
  }
}

async function askProgram(
  { program, words }: Probe & { kind: "exec" },
  { folder, run }: ProbeOptions,
  cut: AbortSignal,
): Promise<string | undefined> {
  const path = await findProgram("probe", program, folder);
  if (cut.aborted) return undefined;
  return new Promise((resolve) => {
    const running = run(
      { path, words },
      {
        onSpawnFailed: ({ reason }) => resolve(reason),
        onExit: ({ code, signal }) => {
          if (code === 0) resolve(undefined);
          else resolve(signal === null ? `exit code ${code}` : `ended by ${signal}`);
        },
      },
    );
    cut.addEventListener("abort", () => running.kill());
  });
}

function askPort({ host, port }: Probe & { kind: "tcp" }, cut: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: cut });
    socket.once("connect", () => {
      // Where nobody listens, the system may give a connection the very port it is to reach, and so connect it to itself.
      const isItself = socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
      socket.destroy();
      resolve(isItself ? `connect ECONNREFUSED ${host}:${port}` : undefined);
    });
    socket.on("error", (error) => resolve(describe(error)));
  });
}

async function askUrl({ url }: Probe & { kind: "http" }, cut: AbortSignal): Promise<string | undefined> {
  // Loaded when they are needed: they would take up a good part of a provider's own start.
  const { get } = new URL(url).protocol === "https:" ? await import("node:https") : await import("node:http");
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: cut }, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `status ${statusCode}`);
    });
    request.on("error", (error) => resolve(describe(error)));
  });
}

// A name with several addresses fails with one error for each, and no word of its own.
function describe(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(reasonOf).join(", ") : reasonOf(error);
}
