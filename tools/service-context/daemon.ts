// Starts a provider in the background: in a session of its own, away from the terminal. The command that has started it waits
// until the provider is ready, or has failed, and says which. What the provider prints before that, it prints to a file,
// which the command repeats when the start has failed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { dirname } from "node:path";
import { quoteWord } from "../../src/config/command.ts";
import { lastWordsPathOf, stateFilesOf } from "../../src/context/journal/state-files.ts";
import { ZcontextError } from "../../src/errors.ts";
import { stateUnwritable } from "../../src/launch/environment/state-folder.ts";
import { assertFile } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { asBackground, type Ready, readReady } from "./background.ts";

export interface DaemonOptions {
  state_dir?: string;
  json?: true;
}

/** Answers once the provider is ready, or has ended: 0, or the exit code that it has ended with. */
export async function startDaemon(file: string, { state_dir, json }: DaemonOptions): Promise<number> {
  if (process.pid === 1)
    throw new ZcontextError("ERR_USAGE", "--daemon: process 1 can't leave its work to another process", {
      hint: "A container runs as long as its process 1: leave out --daemon.",
    });
  await assertFile(file);
  const path = lastWordsPathOf(stateFilesOf(file, state_dir));
  await using words = await openWords(path);
  const { size } = await words.stat();
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    env: { ...process.env, ...asBackground() },
    stdio: ["ignore", "pipe", words.fd, "ipc"],
  });
  const answered: Buffer[] = [];
  child.stdout?.on("data", (bytes: Buffer) => answered.push(bytes));
  // It is in a session of its own, so Ctrl-C reaches this process alone.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill("SIGTERM"));
  const ready = new Promise<Ready>((resolve) => {
    child.on("message", (message) => {
      const told = readReady(message);
      if (told !== undefined) resolve(told);
    });
  });
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const outcome = await Promise.race([ready, ended]);
  if (!Array.isArray(outcome)) {
    // Nothing of it is to keep this process alive.
    child.stdout?.destroy();
    child.unref();
    return tellReady(file, outcome, json);
  }
  process.stderr.write((await readFile(path)).subarray(size));
  process.stdout.write(Buffer.concat(answered));
  const [code, signal] = outcome;
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

// A file of this user alone: it may hold anything that a crash prints.
async function openWords(path: string) {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await open(path, "a+", 0o600);
  } catch (error) {
    throw stateUnwritable(path, "What a provider in the background says while it starts", error);
  }
}

function tellReady(file: string, { pid, transaction }: Ready, json: true | undefined): number {
  if (json) answerJson({ ...(transaction !== undefined && { transaction }), pid });
  else if (transaction !== undefined) answer(`transaction ${transaction}`);
  const name = quoteWord(file);
  say(`the provider runs in the background, pid ${pid}; its log: zcontext logs --provider -f ${name}`);
  say(`next: zcontext status -f ${name}; zcontext exit -f ${name} ends it`);
  return EXIT.done;
}
