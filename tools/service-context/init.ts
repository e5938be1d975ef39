// Sees to it that an init reaps the orphans that tasks leave: process 1 inherits them, and Node reaps only what it has
// started. A provider that is process 1 hands the process over to an init that runs it again, where it can, and else says
// what is missing.
import { accessSync, constants, readFileSync, readlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { initCommand } from "./init-command.ts";

const REMEDY =
  "run it under an init: `docker run --init`, `init: true` in a Compose file, or install tini, which Node 22.15 and later is handed over to";

/** Replaces this process by an init that runs it again; returns where that is not needed, or not possible. */
export function handOverToInit(): void {
  // Of Node 22.15 and later.
  const execve: unknown = Reflect.get(process, "execve");
  if (process.pid !== 1 || typeof execve !== "function") return;
  const command = initCommand(findProgram, [process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  if (command === undefined) return;
  // Node warns that the function is experimental, which nobody can do anything about here.
  process.removeAllListeners("warning");
  try {
    execve.call(process, command.path, command.words, process.env);
  } catch {
    // Not on this system. The provider says at its start what is missing.
  }
}

/** Why no orphan is reaped, and what to do about it; undefined where an init does it, or none can be seen. */
export function initProblem(): string | undefined {
  if (process.pid === 1) return `the provider is process 1; ${REMEDY}`;
  if (isNode(1)) return `process 1 is Node (${commandOf(1)}); ${REMEDY}`;
  return undefined;
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, "/usr/bin", "/sbin", "/"].map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// By its program: npm changes what the process is called.
function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === readlinkSync("/proc/self/exe");
  } catch {
    return false; // of another user, or no /proc to ask
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
}
