// Writes a plan: all of it, or nothing. Every file is complete under a temporary name before the first one gets its
// own, and what went wrong half-way is taken back.
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ContextError, reasonOf } from "../errors.ts";
import type { Site } from "./layout.ts";
import type { Plan } from "./plan.ts";
import type { PlannedFile } from "./planned-file.ts";
import { readTarget } from "./project.ts";

/** Whether anything is to be written for a file. */
export function isWritten({ fate }: PlannedFile): boolean {
  return fate === "created" || fate === "replaced" || fate === "updated";
}

/**
 * Performs a plan. Nothing else runs meanwhile, and a Ctrl-C waits for its end.
 *
 * @throws {ContextError} `ERR_WRITE_FAILED`, or `ERR_TARGET_REFUSED` where something has changed since the plan was
 *   made; then everything is as it was.
 */
export function writePlan({ files, site }: Plan): void {
  const attempt: Attempt = { undo: [], leftovers: [] };
  const release = holdSignals();
  try {
    const pending = files.filter(isWritten);
    // Before anything is touched, and once more: writing takes its time.
    for (const file of pending) checkUnchanged(file, site);
    const staged = pending.map((file) => stage(file, attempt));
    for (const file of pending) checkUnchanged(file, site);
    for (const one of staged) putInPlace(one, attempt);
  } catch (error) {
    for (const step of attempt.undo.toReversed()) asFarAsPossible(step);
    throw error instanceof ContextError ? error : failed(error);
  } finally {
    for (const path of attempt.leftovers) asFarAsPossible(() => rmSync(path, { force: true }));
    release();
  }
}

/** What has been done so far: how to take it back, and temporary files, which go in any case. */
interface Attempt {
  undo: (() => void)[];
  leftovers: string[];
}

interface Staged {
  file: PlannedFile;
  /** The new text under a temporary name, and a copy of what it replaces. */
  fresh: string;
  old: string | undefined;
}

function stage(file: PlannedFile, attempt: Attempt): Staged {
  const { path, before, after } = file;
  makeFolder(dirname(path), attempt);
  const fresh = temporaryName(path);
  attempt.leftovers.push(fresh);
  // `wx` opens nothing that is there already, and follows no link. What is private is never public for a moment.
  const mode = before === undefined ? 0o666 : statSync(path).mode;
  writeFileSync(fresh, after, { flag: "wx", mode, flush: true });
  if (before === undefined) return { file, fresh, old: undefined };
  chmodSync(fresh, mode); // the umask is for new files
  const old = temporaryName(path);
  attempt.leftovers.push(old);
  copyFileSync(path, old);
  return { file, fresh, old };
}

function makeFolder(path: string, attempt: Attempt): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), attempt);
  mkdirSync(path);
  attempt.undo.push(() => rmdirSync(path));
  // Temporary files must be gone before the folder can go.
  attempt.undo.push(() => {
    for (const leftover of attempt.leftovers.filter((name) => dirname(name) === path))
      rmSync(leftover, { force: true });
  });
}

function checkUnchanged({ path, before }: PlannedFile, site: Site): void {
  if (readTarget(path, site) === before) return;
  throw new ContextError("ERR_TARGET_REFUSED", `${path} has changed just now; nothing was written`, {
    hint: "Run the command again.",
  });
}

function putInPlace({ file: { path }, fresh, old }: Staged, { undo }: Attempt): void {
  renameSync(fresh, path);
  undo.push(() => (old === undefined ? rmSync(path) : renameSync(old, path)));
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

// A signal with a handler does nothing until we return to the event loop, and then we are through.
function holdSignals(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const hold = () => {};
  for (const signal of signals) process.on(signal, hold);
  return () => {
    for (const signal of signals) process.off(signal, hold);
  };
}

/** Taking back goes on whatever one step does. */
function asFarAsPossible(step: () => void): void {
  try {
    step();
  } catch {
    // What made the writing fail may keep this from working too; the error that is thrown says so.
  }
}

function failed(error: unknown): ContextError {
  return new ContextError("ERR_WRITE_FAILED", `${reasonOf(error)}; nothing was written`, {
    hint: "Check the permissions and the space of the disk.",
    cause: error,
  });
}
