// The file with the process id of a provider, for scripts and programs that watch it.
import { readFile, rm, writeFile } from "node:fs/promises";
import { reasonOf, ZcontextError } from "../../src/errors.ts";

/**
 * Writes our process id. At the end the file is removed, unless somebody else has written to it.
 *
 * @throws {ZcontextError} `ERR_USAGE` for a file that holds something else than a process id, or can't be written.
 */
export async function writePidFile(path: string): Promise<AsyncDisposable> {
  const text = `${process.pid}\n`;
  try {
    const before = await contentOf(path);
    if (before !== undefined && !/^\s*\d*\s*$/.test(before))
      throw new Error("it holds something else than a process id");
    await writeFile(path, text);
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `--pid-file ${path}: ${reasonOf(error)}`, {
      hint: "Name a file in a folder that this user can write to.",
      cause: error,
    });
  }
  return {
    async [Symbol.asyncDispose]() {
      const now = await contentOf(path).catch(() => undefined);
      if (now === text) await rm(path, { force: true }).catch(() => {});
    },
  };
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
