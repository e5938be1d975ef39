// Runs programs of the system to their end, for what they print.
import { execFile } from "node:child_process";

/** How a program has ended, or why it could not be run. */
export interface ProgramEnd {
  /** Undefined where it could not be run, or a signal has ended it. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  /** It is not installed. */
  isMissing: boolean;
}

export interface ProgramOptions {
  /** It is killed after so many milliseconds. */
  timeoutMs: number;
  env?: NodeJS.ProcessEnv;
}

/** Runs a program; never rejects. */
export function runToEnd(
  program: string,
  words: readonly string[],
  { timeoutMs, env }: ProgramOptions,
): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, killSignal: "SIGKILL" as const, ...(env && { env }) };
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, stdout, stderr: stderr || (error?.message ?? ""), isMissing: error?.code === "ENOENT" });
    });
    child.stdin?.end();
  });
}
