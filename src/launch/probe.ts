// Asks, on behalf of a task that can't say so itself, whether it is ready: again and again, one attempt at a time, until
// it is or nobody wants to know any more.
import { connect } from "node:net";
import { quoteWord } from "../config/command.ts";
import type { Probe } from "../config/model.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import type { OutputStream, Program, ProgramEvents, RunningProgram } from "./child.ts";
import { keepLastWords } from "./last-error-line.ts";
import { createMatcher } from "./pattern.ts";
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
  /** Called once, with a clause, when the probe itself is to blame: there is no such program, or it takes too long. */
  onFaulty?(fault: string): void;
}

export type StartProbeProgram = (
  program: Pick<Program, "path" | "words">,
  events: Pick<ProgramEvents, "onOutput" | "onSpawnFailed" | "onExit">,
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

function awaitLine({ pattern }: Probe & { kind: "log" }, { onReady, onFaulty }: ProbeOptions): RunningProbe {
  const expected = new RegExp(pattern);
  const name = `ready_log ${expected}`;
  let lastFault = `${name}: no line has matched`;
  let isOver = false;
  const matcher = createMatcher(expected, (fault) => {
    lastFault = `${name}: ${fault}`;
    onFaulty?.(lastFault);
  });
  return {
    get lastFault() {
      return lastFault;
    },
    line(text) {
      if (isOver || !matcher.matches(text)) return;
      isOver = true;
      onReady();
    },
    stop() {
      isOver = true;
    },
  };
}

function askAgainAndAgain(probe: Asking, options: ProbeOptions): RunningProbe {
  const name = nameOf(probe);
  let lastFault: string | undefined;
  let isOver = false;
  let isFaulty = false;
  let cut = new AbortController();
  /** Of the attempt under way, or of the pause until the next. */
  let timer: NodeJS.Timeout | undefined;

  async function attempt(): Promise<void> {
    cut = new AbortController();
    timer = setTimeout(giveUp, probe.timeoutMs);
    const { signal } = cut;
    const fault = await ask(probe, options, signal).catch((error) =>
      error instanceof ZcontextError ? error : describe(error),
    );
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

  // What can't even be asked is told at once: a task that gets ready later does not mend it.
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
  probe: Probe & { kind: "exec" },
  { folder, run }: ProbeOptions,
  cut: AbortSignal,
): Promise<string | undefined> {
  const { program, words } = probe;
  const path = await findProgram(nameOf(probe), program, folder);
  if (cut.aborted) return undefined;
  return new Promise((resolve) => {
    const said = { stdout: keepLastWords(), stderr: keepLastWords() };
    const running = run(
      { path, words },
      {
        onOutput: (stream: OutputStream, line: string) => said[stream].add(line),
        onSpawnFailed: ({ reason }) => resolve(reason),
        onExit({ code, signal }) {
          if (code === 0) return resolve(undefined);
          const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
          resolve([end, said.stderr.line ?? said.stdout.line ?? []].flat().join(": "));
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
      resolve(isItself ? PLAIN.ECONNREFUSED : undefined);
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

/** What the system says of a connection, for people. */
const PLAIN: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "no such host",
  ETIMEDOUT: "connection timed out",
};

// A name with several addresses fails with one error for each, and no word of its own.
function describe(error: unknown): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return [...new Set(errors.map((one) => PLAIN[one?.code] ?? reasonOf(one)))].join(", ");
}

const MAX_NAME_LENGTH = 100;

/** The probe as its file has it, cut where it is long. */
function nameOf(probe: Asking): string {
  switch (probe.kind) {
    case "exec":
      return `ready_exec "${cutShort([probe.program, ...probe.words].map(quoteWord).join(" "))}"`;
    case "tcp":
      return `ready_tcp ${probe.host.includes(":") ? `[${probe.host}]` : probe.host}:${probe.port}`;
    case "http":
      return `ready_http ${cutShort(withoutPassword(probe.url))}`;
  }
}

// Reasons travel on the bus and stand in logs.
function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}

function cutShort(text: string): string {
  return text.length > MAX_NAME_LENGTH ? `${text.slice(0, MAX_NAME_LENGTH)}…` : text;
}
