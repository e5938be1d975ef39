// Writes a plan, all of it or nothing. Every file is complete under a temporary name before the first one is renamed. After
// a failure everything is undone, and what can't be undone is reported.
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
import { reasonOf, ZcontextError } from "../errors.ts";
import type { Site } from "./layout.ts";
import type { Plan } from "./plan.ts";
import type { PlannedFile } from "./planned-file.ts";
import { readUnlessRefused } from "./project.ts";
import { TargetRefusal, untouchedError } from "./target-refusal.ts";

/** Whether a file of a plan is to be written. */
export function isWritten({ fate }: PlannedFile): boolean {
  return fate === "created" || fate === "replaced" || fate === "updated";
}

/**
 * Performs a plan, synchronously. Ctrl-C is ignored meanwhile, since it takes an instant.
 *
 * @throws {ZcontextError} `ERR_WRITE_FAILED`, or `ERR_TARGET_REFUSED` where a file has changed since the plan was made. All
 *   files are then as they were. Those that could not be restored are in the `details` of an `ERR_WRITE_FAILED`: paths, and
 *   where the old text of a file is now.
 */
export function writePlan({ files, site }: Pick<Plan, "files" | "site">): void {
  const attempt: Attempt = { folders: [], leftovers: new Set(), placed: [] };
  const release = ignoreSignals();
  try {
    const pending = files.filter(isWritten);
    // Checked before anything is written, and again before each rename.
    for (const file of pending) checkUnchanged(file, site);
    const staged = pending.map((file) => stage(file, attempt));
    for (const one of staged) {
      checkUnchanged(one.file, site);
      putInPlace(one, attempt);
    }
    // Everything is written; a copy that can't be removed does no harm.
    for (const path of attempt.leftovers) remove(path);
  } catch (error) {
    throw failed(error, undo(attempt));
  } finally {
    release();
  }
}

/** What has been done so far, in its order. */
interface Attempt {
  folders: string[];
  /** Temporary files, to be removed in any case. */
  leftovers: Set<string>;
  placed: Staged[];
}

interface Staged {
  file: PlannedFile;
  /** The temporary file with the new text, and the copy of the file that it replaces. */
  fresh: string;
  old: string | undefined;
}

function stage(file: PlannedFile, attempt: Attempt): Staged {
  const { path, before, after } = file;
  makeFolder(dirname(path), attempt);
  const fresh = temporaryName(path);
  attempt.leftovers.add(fresh);
  // `wx` fails on an existing file and follows no link. The mode is set at creation, so that a private file is never public.
  const mode = before === undefined ? 0o666 : statSync(path).mode;
  writeFileSync(fresh, after, { flag: "wx", mode, flush: true });
  if (before === undefined) return { file, fresh, old: undefined };
  chmodSync(fresh, mode); // without the umask, which is for new files
  const old = temporaryName(path);
  attempt.leftovers.add(old);
  copyFileSync(path, old);
  return { file, fresh, old };
}

function makeFolder(path: string, attempt: Attempt): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), attempt);
  mkdirSync(path);
  attempt.folders.push(path);
}

function checkUnchanged({ path, before }: PlannedFile, site: Site): void {
  if (readUnlessRefused(path, site) === before) return;
  throw new TargetRefusal(`${path} has changed just now`, "Run the command again.");
}

function putInPlace(staged: Staged, { placed }: Attempt): void {
  renameSync(staged.fresh, staged.file.path);
  placed.push(staged);
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

// A signal without a handler would end the process half-way. With a handler it waits for the event loop, and by then these
// handlers are removed: it has no effect.
function ignoreSignals(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const ignore = () => {};
  for (const signal of signals) process.on(signal, ignore);
  return () => {
    for (const signal of signals) process.off(signal, ignore);
  };
}

// --- undoing ---------------------------------------------------------------------------------------------------------

/** Undoes an attempt as far as possible; returns what is not as it was. */
function undo({ folders, leftovers, placed }: Attempt): string[] {
  const files = placed.toReversed().flatMap(({ file: { path }, old }) => {
    if (old === undefined) return remove(path);
    // Where the rename fails, this copy is all that is left of the file.
    leftovers.delete(old);
    return restore(path, old);
  });
  // A folder can be removed only after the temporary files in it.
  const copies = [...leftovers].flatMap((path) => remove(path));
  return [...files, ...copies, ...folders.toReversed().flatMap((path) => remove(path, rmdirSync))];
}

function restore(path: string, old: string): string[] {
  try {
    renameSync(old, path);
    return [];
  } catch {
    return [`${path}; what it held is in ${old}`];
  }
}

/** Returns the path where it could not be removed; nothing where it is gone, or never existed. */
function remove(path: string, how: (path: string) => void = rmSync): string[] {
  try {
    how(path);
    return [];
  } catch {
    return existsSync(path) ? [path] : [];
  }
}

function failed(error: unknown, details: readonly string[]): unknown {
  if (details.length > 0) {
    return new ZcontextError("ERR_WRITE_FAILED", `${reasonOf(error)}; what was written could not be taken back`, {
      details,
      hint: "These paths are not as they were: restore them by hand.",
      cause: error,
    });
  }
  if (error instanceof TargetRefusal) return untouchedError(error);
  return new ZcontextError("ERR_WRITE_FAILED", `${reasonOf(error)}; nothing was written`, {
    hint: "Check the permissions and the space of the disk.",
    cause: error,
  });
}
