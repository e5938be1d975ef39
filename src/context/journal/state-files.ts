// Where a provider keeps its journal and its history.
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { stateDirOf } from "../../launch/compile.ts";

/** Names a context file on this machine, whichever way leads to it. */
function contextKeyOf(file: string): string {
  return createHash("sha256").update(realpathSync(file)).digest("hex").slice(0, 32);
}

/** Where the journal of a context file is kept; in a folder that files of other folders may share, under its own name. */
export function stateFilesOf(file: string, stateDir: string | undefined): { folder: string; name: string } {
  const name = basename(realpathSync(file), ".xml");
  if (stateDir === undefined) return { folder: stateDirOf(file), name };
  return { folder: resolve(stateDir), name: `${name}-${contextKeyOf(file).slice(0, 8)}` };
}

/** The ending of a folder that holds a history. */
export const HISTORY_ENDING = ".history";

/** The folder of a context file's history: beside its journal, or in a folder that others may share. */
export function historyFolderOf(file: string, stateDir: string | undefined): string {
  const { folder, name } = stateFilesOf(file, stateDir);
  return join(folder, `${name}${HISTORY_ENDING}`);
}
