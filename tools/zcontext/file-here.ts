// Finds the context file that is meant where none is named: the only one in the working folder and its folder conf.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ZcontextError } from "../../src/errors.ts";

const FOLDERS = [".", "conf"];

/**
 * Its path, relative to the working folder.
 *
 * @throws {ZcontextError} `ERR_USAGE` where there is none, or there are several.
 */
export function soleFileHere(): string {
  const found = FOLDERS.flatMap((folder) => namesIn(folder).map((name) => join(folder, name)));
  const [sole, ...others] = found;
  if (sole !== undefined && others.length === 0) return sole;
  const what = sole === undefined ? "there is no Context-<name>.xml" : `there are ${found.length} context files`;
  throw new ZcontextError("ERR_USAGE", `which context file? ${what} here or in conf`, {
    hint: "Name one, such as `zcontext run conf/Context-EchoAction.xml`.",
    details: found,
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^Context-.+\.xml$/s.test(name))
      .sort();
  } catch {
    return []; // there is no such folder
  }
}
