// Writes a plan: all of it, or nothing. Every file is complete under a temporary name before the first one gets its
// own; what went wrong half-way is taken back, and what can't be is told.
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
import { readTarget } from "./project.ts";

/** How an error ends that has left everything as it was. */
const NOTHING_WRITTEN = "; nothing was written";

/** Whether anything is to be written for a file. */
export function isWritten({ fate }: PlannedFile): boolean {
  return fate === "created" || fate === "replaced" || fate === "updated";
}

/**
 * Performs a plan. Nothing else runs meanwhile, and a Ctrl-C is ignored: it is over in an instant.
 *
 * @throws {ZcontextError} `ERR_WRITE_FAILED`, or `ERR_TARGET_REFUSED` where something has changed since the plan was
 *   made; then everything is as it was. Where that can't be had, it is `ERR_WRITE_FAILED` with what is not as it was in
 *   `details`: paths, and where the old text of a file is now.
 */
export function writePlan({ files, site }: Plan): void {
  const attempt: Attempt = { folders: [], leftovers: new Set(), placed: [] };
  const release = ignoreSignals();
  try {
    const pending = files.filter(isWritten);
    // Before anything is touched, and once more: writing takes its time.
    for (const file of pending) checkUnchanged(file, site);
    const staged = pending.map((file) => stage(file, attempt));
    for (const one of staged) {
      checkUnchanged(one.file, site);
      putInPlace(one, attempt);
    }
    // All is written now, and a copy that stays does no harm.
    for (const path of attempt.leftovers) remove(path);
  } catch (error) {
    throw failed(error, takeBack(attempt));
  } finally {
    release();
  }
}

/** What has been done so far, in its order. */
interface Attempt {
  folders: string[];
  /** Temporary files, which go in any case. */
  leftovers: Set<string>;
  placed: Staged[];
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
  attempt.leftovers.add(fresh);
  // `wx` opens nothing that is there already, and follows no link. What is private is never public for a moment.
  const mode = before === undefined ? 0o666 : statSync(path).mode;
  writeFileSync(fresh, after, { flag: "wx", mode, flush: true });
  if (before === undefined) return { file, fresh, old: undefined };
  chmodSync(fresh, mode); // the umask is for new files
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
  if (readTarget(path, site) === before) return;
  throw new ZcontextError("ERR_TARGET_REFUSED", `${path} has changed just now; nothing was written`, {
    hint: "Run the command again.",
  });
}

function putInPlace(staged: Staged, { placed }: Attempt): void {
  renameSync(staged.fresh, staged.file.path);
  placed.push(staged);
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

// A signal without a handler would end us half-way. One with a handler waits for the event loop, and when we return to
// that the handlers are gone again.
function ignoreSignals(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const ignore = () => {};
  for (const signal of signals) process.on(signal, ignore);
  return () => {
    for (const signal of signals) process.off(signal, ignore);
  };
}

// --- taking back -----------------------------------------------------------------------------------------------------

/** Undoes an attempt as far as it can be undone; answers what is not as it was. */
function takeBack({ folders, leftovers, placed }: Attempt): string[] {
  const files = placed.toReversed().flatMap(({ file: { path }, old }) => {
    if (old === undefined) return remove(path);
    // Where it can't get its name back, the copy is all that is left of it.
    leftovers.delete(old);
    return restore(path, old);
  });
  // Temporary files must be gone before a folder can go.
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

/** Answers the path where it stays, and nothing where it is gone, or never came to be. */
function remove(path: string, how: (path: string) => void = rmSync): string[] {
  try {
    how(path);
    return [];
  } catch {
    return existsSync(path) ? [path] : [];
  }
}

function failed(error: unknown, details: readonly string[]): ZcontextError {
  if (details.length > 0) {
    const reason = reasonOf(error).replace(NOTHING_WRITTEN, "");
    return new ZcontextError("ERR_WRITE_FAILED", `${reason}; what was written could not be taken back`, {
      details,
      hint: "These paths are not as they were: put them right by hand.",
      cause: error,
    });
  }
  if (error instanceof ZcontextError) return error;
  return new ZcontextError("ERR_WRITE_FAILED", `${reasonOf(error)}${NOTHING_WRITTEN}`, {
    hint: "Check the permissions and the space of the disk.",
    cause: error,
  });
}
