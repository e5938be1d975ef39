// The folder beside a context file that a provider keeps things in, and the error of one that can't be written to.
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";

/** The default state folder of a context file: beside the file itself, also where a link leads to it. */
export function stateDirOf(file: string): string {
  return join(dirname(placeOf(file)), ".zcontext");
}

/** The path of a file without links; of one that is not there any more, where it would be. */
export function placeOf(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return join(realpathSync(dirname(file)), basename(file));
  }
}

/** @param what - What is kept there, as the subject of a sentence. */
export function stateUnwritable(path: string, what: string, error: unknown): ZcontextError {
  return new ZcontextError("ERR_STATE_UNWRITABLE", `cannot write ${path}: ${reasonOf(error)}`, {
    hint: `${what} are kept there; name another folder with --state-dir.`,
    cause: error,
  });
}
