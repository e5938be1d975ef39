// Finds the folder of the history that `--since` reads.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { HISTORY_ENDING, historyFolderOf } from "../../../src/context/journal/state-files.ts";
import { reasonOf, ZcontextError } from "../../../src/errors.ts";
import { filesIn } from "../../../src/history/folder.ts";
import { segmentsOf } from "../../../src/history/segments.ts";
import { assertFile } from "../../context-file.ts";
import { clean } from "../terminal/text.ts";

/** The options that name it. */
export interface HistoryLocation {
  context_file?: string;
  /** A history's own folder, or one that holds some. */
  history?: string;
}

/**
 * Finds the folder of a history by its context file, which may be broken or gone, or by its own name, or as the only one in
 * a folder.
 *
 * @throws {ZcontextError} `ERR_USAGE` when no folder is named or several match; `ERR_CONFIG_UNREADABLE`.
 */
export async function findFolder({ context_file: file, history }: HistoryLocation): Promise<string> {
  if (file !== undefined && history?.endsWith(HISTORY_ENDING)) return history;
  if (file !== undefined) return historyOf(file, history);
  if (history === undefined)
    throw new ZcontextError("ERR_USAGE", "where is the history? --context_file FILE or --history FOLDER", {
      hint: "`context-monitor --help` lists the options.",
    });
  return soleHistoryIn(history);
}

/** That of a context file; what it recorded outlives the file. */
async function historyOf(file: string, history: string | undefined): Promise<string> {
  const fault = await assertFile(file).then(
    () => undefined,
    (error: unknown) => error,
  );
  const folder = await Promise.resolve()
    .then(() => historyFolderOf(file, history))
    .catch(() => undefined);
  const isThere = folder !== undefined && (await stat(folder).catch(() => undefined))?.isDirectory() === true;
  if (folder !== undefined && (fault === undefined || isThere)) return folder;
  const reason = fault instanceof ZcontextError ? fault.message : reasonOf(fault);
  const where = folder === undefined ? "" : `, and there is no history in ${folder}`;
  throw new ZcontextError("ERR_CONFIG_UNREADABLE", `${reason}${where}`, {
    hint: "Give the folder of the history with --history.",
    cause: fault,
  });
}

/** The folder itself, or the only history in it. */
async function soleHistoryIn(folder: string): Promise<string> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error("it is not a folder");
    if (segmentsOf(await filesIn(folder)).length > 0) return folder;
    const found = (await readdir(folder)).filter((name) => name.endsWith(HISTORY_ENDING));
    const [sole, ...others] = found;
    if (sole === undefined) return folder;
    if (others.length === 0) return join(folder, sole);
    throw new ZcontextError("ERR_USAGE", `there are ${found.length} histories in ${folder}`, {
      hint: "Name one of them, or the context file with --context_file.",
      details: found.sort().map(clean),
    });
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw unreadable(folder, error);
  }
}

/** Wraps an error of the file system. */
export function unreadable(folder: string, error: unknown): ZcontextError {
  return new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot read the history in ${folder}: ${reasonOf(error)}`, {
    hint: "Give the folder that --history of service-context names, or the context file.",
    cause: error,
  });
}
