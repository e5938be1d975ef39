// Runs a program to see how it ends, apart from the runs of tasks: a system program, or a process of ours that is tried out.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { withoutTask } from "../../protocol/environment.ts";
import { isShortage } from "../../shortage.ts";
import { tooLong } from "../environment/length-limits.ts";
import { stdioOf } from "./leader.ts";
import { signalGroup } from "./process-group.ts";
import type { ProcessOptions } from "./running-program.ts";

/** The longest delay of a timer in Node; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** How long a system program may take that is tried out. */
const TRIAL_MS = 1_000;

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

/** What a system program prints; undefined where there is none, it fails, or it prints nothing. */
export function runForText(path: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(path, words, { timeout: TRIAL_MS }, (error, stdout) =>
      resolve(error === null && stdout !== "" ? stdout : undefined),
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
