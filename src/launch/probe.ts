// Probes whether a task is ready that does not announce it: runs a program, connects to a port or gets a URL again and
// again, one attempt at a time, or waits for a line of output.
import { connect } from "node:net";
import { quoteWord } from "../config/command.ts";
import type { Probe } from "../config/model.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import { compileLinePattern } from "../line-pattern.ts";
import { findProgram, type ProgramSearch } from "./environment/program.ts";
import { createLastErrorLine } from "./output/last-error-line.ts";
import type { Program, ProgramEvents, RunningProgram } from "./process/running-program.ts";

export interface ProbeOptions {
  /** Where the program of a probe is looked for. */
  search: ProgramSearch;
  /** Starts the program of a probe, in the task's environment and under its limits. */
  run: StartProbeProgram;
  /** Called at most once, after all others. */
  onReady(): void;
  /** Called after each failed attempt, with a clause that says why. */
  onAttempt?(fault: string): void;
  /** Called once, with a clause, when the probe itself is at fault: its program does not exist. */
  onFaulty?(fault: string): void;
}

export type StartProbeProgram = (
  program: Pick<Program, "path" | "words">,
  events: Pick<ProgramEvents, "onOutput" | "onSpawnFailed" | "onExit">,
) => Pick<RunningProgram, "kill">;

export interface RunningProbe {
  /** Why the task does not count as ready, in a clause; undefined before the first attempt has failed. */
  readonly lastFault: string | undefined;
  /** Passes a line that the task has printed, or as much of it as has come. */
  line(text: string): void;
  /** Ends the probe: aborts an attempt in progress, and calls nothing any more. */
  stop(): void;
}

type RepeatedProbe = Exclude<Probe, { kind: "log" }>;

/** Starts a probe; the first attempt is made at once. */
export function startProbe(probe: Probe, options: ProbeOptions): RunningProbe {
  return probe.kind === "log" ? awaitLine(probe, options) : probeRepeatedly(probe, options);
}

function awaitLine({ pattern }: Probe & { kind: "log" }, { onReady }: ProbeOptions): RunningProbe {
  const expected = compileLinePattern(pattern);
  let isOver = false;
  return {
    lastFault: `ready_log /${pattern}/: no line has matched`,
    line(text) {
      if (isOver || !expected.matches(text)) return;
      isOver = true;
      onReady();
    },
    stop() {
      isOver = true;
    },
  };
}

function probeRepeatedly(probe: RepeatedProbe, options: ProbeOptions): RunningProbe {
  const name = nameOf(probe);
  let lastFault: string | undefined;
  let isOver = false;
  let isFaulty = false;
  let cut = new AbortController();
  /** Of the attempt in progress, or of the pause before the next. */
  let timer: NodeJS.Timeout | undefined;

  async function attempt(): Promise<void> {
    cut = new AbortController();
    timer = setTimeout(giveUp, probe.timeoutMs);
    const { signal } = cut;
    const fault = await attemptOnce(probe, options, signal).catch((error) =>
      error instanceof ZcontextError ? error : describe(error),
    );
    clearTimeout(timer);
    if (!signal.aborted) {
      if (fault === undefined) return ready();
      blame(fault);
    }
    if (!isOver) timer = setTimeout(attempt, probe.intervalMs);
  }

  // The next attempt still waits until this one has ended, so that hanging attempts do not pile up.
  function giveUp(): void {
    cut.abort();
    blame(`no answer within ${probe.timeoutMs / 1000} s`);
  }

  // A probe that can't even be attempted is reported at once: it will not succeed when the task is ready.
  function blame(fault: string | ZcontextError): void {
    lastFault = typeof fault === "string" ? `${name}: ${fault}` : fault.message;
    options.onAttempt?.(lastFault);
    if (typeof fault === "string" || isFaulty) return;
    isFaulty = true;
    options.onFaulty?.(lastFault);
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

/** Makes one attempt; returns what was wrong, or undefined when the task is ready. Ends soon after it is aborted. */
function attemptOnce(probe: RepeatedProbe, options: ProbeOptions, cut: AbortSignal): Promise<string | undefined> {
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
  probe: Probe & { kind: "exec" },
  { search, run }: ProbeOptions,
  cut: AbortSignal,
): Promise<string | undefined> {
  const { program, words } = probe;
  const path = await findProgram(nameOf(probe), program, search);
  if (cut.aborted) return undefined;
  return new Promise((resolve) => {
    const output = { stdout: createLastErrorLine(), stderr: createLastErrorLine() };
    const running = run(
      { path, words },
      {
        onOutput: (stream, { whole }) => output[stream].add(whole),
        onSpawnFailed: ({ reason }) => resolve(reason),
        onExit({ code, signal }) {
          if (code === 0) return resolve(undefined);
          const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
          resolve([end, output.stderr.line ?? output.stdout.line ?? []].flat().join(": "));
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
      // Where no process listens, the system may choose the target port as the connection's own, and connect it to itself.
      const isItself = socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
      socket.destroy();
      resolve(isItself ? IN_WORDS.ECONNREFUSED : undefined);
    });
    socket.on("error", (error) => resolve(describe(error)));
  });
}

async function askUrl({ url }: Probe & { kind: "http" }, cut: AbortSignal): Promise<string | undefined> {
  // Loaded on demand: they are slow to load, and most providers have no such probe.
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

/** Error codes of connections, in words. */
const IN_WORDS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "no such host",
  ETIMEDOUT: "connection timed out",
};

// Connecting to a name with several addresses fails with an AggregateError, which has no message.
function describe(error: unknown): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return [...new Set(errors.map((one) => IN_WORDS[one?.code] ?? reasonOf(one)))].join(", ");
}

const MAX_NAME_LENGTH = 100;

/** The probe as the context file has it, cut where it is long. */
function nameOf(probe: RepeatedProbe): string {
  switch (probe.kind) {
    case "exec":
      return `ready_exec "${cutShort([probe.program, ...probe.words].map(quoteWord).join(" "))}"`;
    case "tcp":
      return `ready_tcp ${probe.host.includes(":") ? `[${probe.host}]` : probe.host}:${probe.port}`;
    case "http":
      return `ready_http ${cutShort(withoutPassword(probe.url))}`;
  }
}

// Reasons are published and logged.
function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}

function cutShort(text: string): string {
  return text.length > MAX_NAME_LENGTH ? `${text.slice(0, MAX_NAME_LENGTH)}…` : text;
}
