// Runs a process of ours to see how it ends and what it says, apart from the runs of tasks.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { withoutTask } from "../../protocol/environment.ts";
import { tooLong } from "../environment/length-limits.ts";
import { stdioOf } from "./leader.ts";
import { signalGroup } from "./process-group.ts";
import type { ProcessOptions } from "./running-program.ts";

/** The longest delay of a timer in Node; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

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
