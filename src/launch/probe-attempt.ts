// One attempt of a probe: runs a program, connects to a port, or gets a URL.
import { connect } from "node:net";
import { quoteWord } from "../config/command.ts";
import type { ProbeProgram, ProbeTarget } from "../config/model.ts";
import { reasonOf } from "../errors.ts";
import { findProgram, type ProgramSearch } from "./environment/program.ts";
import { createLastErrorLine } from "./output/last-error-line.ts";
import type { Program, ProgramEvents, RunningProgram } from "./process/running-program.ts";

/** What can be asked again and again. */
export type RepeatedTarget = Exclude<ProbeTarget, { kind: "log" }>;

/** What it takes to run a program on behalf of a task. */
export interface ProgramMeans {
  /** Where it is looked for. */
  search: ProgramSearch;
  /** Starts it, in the task's environment and under its limits. */
  run: StartProbeProgram;
}

export type StartProbeProgram = (
  program: Pick<Program, "path" | "words">,
  events: Pick<ProgramEvents, "onOutput" | "onSpawnFailed" | "onExit">,
) => Pick<RunningProgram, "kill">;

/** Makes one attempt; answers what was wrong, or undefined where nothing is. Ends soon after it is aborted. */
export function attemptOnce(
  target: RepeatedTarget,
  name: string,
  { means, cut }: { means: ProgramMeans; cut: AbortSignal },
): Promise<string | undefined> {
  switch (target.kind) {
    case "exec":
      return runOnce(target, name, { means, cut });
    case "tcp":
      return askPort(target, cut);
    case "http":
      return askUrl(target, cut);
  }
}

/**
 * Runs a program to its end; answers how that was, unless it was exit code 0, with the last line that it printed.
 *
 * @param name - Of the program for messages.
 * @throws {ZcontextError} `ERR_SERVICE_NOT_FOUND`.
 */
export async function runOnce(
  { program, words }: ProbeProgram,
  name: string,
  { means: { search, run }, cut }: { means: ProgramMeans; cut: AbortSignal },
): Promise<string | undefined> {
  const path = await findProgram(name, program, search);
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

function askPort({ host, port }: RepeatedTarget & { kind: "tcp" }, cut: AbortSignal): Promise<string | undefined> {
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

async function askUrl({ url }: RepeatedTarget & { kind: "http" }, cut: AbortSignal): Promise<string | undefined> {
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
export function describe(error: unknown): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return [...new Set(errors.map((one) => IN_WORDS[one?.code] ?? reasonOf(one)))].join(", ");
}

const MAX_NAME_LENGTH = 100;

/** A probe as the context file has it, cut where it is long: `ready_tcp 127.0.0.1:80`. */
export function nameOfProbe(target: RepeatedTarget, purpose: "ready" | "live"): string {
  switch (target.kind) {
    case "exec":
      return nameOfProgram(`${purpose}_exec`, target);
    case "tcp":
      return `${purpose}_tcp ${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
    case "http":
      return `${purpose}_http ${cutShort(withoutPassword(target.url))}`;
  }
}

/** The same for a program: `stop_exec "redis-cli shutdown"`. */
export function nameOfProgram(attribute: string, { program, words }: ProbeProgram): string {
  return `${attribute} "${cutShort([program, ...words].map(quoteWord).join(" "))}"`;
}

// Reasons are published and logged.
function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}

function cutShort(text: string): string {
  return text.length > MAX_NAME_LENGTH ? `${text.slice(0, MAX_NAME_LENGTH)}…` : text;
}
