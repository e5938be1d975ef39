// Runs programs of the system for how they end or what they print.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { isShortage } from "../../shortage.ts";

/** How long one may take. */
const LONGEST_MS = 1_000;

/**
 * Whether a system program exits with 0 when it is run with these words. Rejects when the system lacks the resources to
 * try.
 */
export function runsWell(path: string, words: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(path, words, { timeout: LONGEST_MS }, (error) =>
      isShortage(error) ? reject(error) : resolve(error === null),
    );
  });
}

/** What a system program prints; undefined where there is none, it fails, or it prints nothing. */
export function runForText(path: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(path, words, { timeout: LONGEST_MS }, (error, stdout) =>
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
