// Where a provider keeps its journal and its history.
import { basename, join, resolve } from "node:path";

import { digestOf } from "../../digest.ts";
import { placeOf, stateDirOf } from "../../launch/environment/state-folder.ts";
import { LOGS_ENDING } from "../../logs/files.ts";

/** A folder, and what the names of a context's files in it begin with. */
export interface StateFiles {
  folder: string;
  name: string;
}

/** Where the journal of a context file is kept; in a folder that files of other folders may share, under its own name. */
export function stateFilesOf(file: string, stateDir: string | undefined): StateFiles {
  const path = placeOf(file);
  const name = basename(path, ".xml");
  if (stateDir === undefined) return { folder: stateDirOf(file), name };
  return { folder: resolve(stateDir), name: `${name}-${digestOf(path, 8)}` };
}

/** Where a context's journal is. */
export function journalPathOf({ folder, name }: StateFiles): string {
  return join(folder, `${name}.journal`);
}

/** Where the journal before this one is kept. */
export function formerPathOf(journal: string): string {
  return `${journal}.1`;
}

/** The ending of a folder that holds a history. */
export const HISTORY_ENDING = ".history";

/** Where a context's logs are. */
export function logsFolderOf({ folder, name }: StateFiles): string {
  return join(folder, `${name}${LOGS_ENDING}`);
}

/** Where the log of a provider in the background is: records as of tasks, in a folder of its own. */
export function providerLogFolderOf({ folder, name }: StateFiles): string {
  return join(folder, `${name}.provider-log`);
}

/** What a provider in the background prints beside its log: the last words of a crash. */
export function lastWordsPathOf({ folder, name }: StateFiles): string {
  return join(folder, `${name}.stderr`);
}

/** The folder of a context file's history: beside its journal, or in a folder that others may share. */
export function historyFolderOf(file: string, stateDir: string | undefined): string {
  const { folder, name } = stateFilesOf(file, stateDir);
  return join(folder, `${name}${HISTORY_ENDING}`);
}
