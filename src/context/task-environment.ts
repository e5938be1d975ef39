// The variables a task is given by its file: read anew before every spawn, so that a changed file counts and what was
// removed from it is gone.
import { readFile, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Supervision } from "../config/context-config.ts";
import { parseEnvFile } from "../config/env-file.ts";
import { ContextError, reasonOf } from "../errors.ts";
import { isBelow } from "../folders.ts";

/**
 * What `<Supervision>` adds to the environment of a task; the file's own `<environment>` wins over its `env_file`s.
 *
 * @param folder - Of the context file; the files must lie below it, links included.
 * @throws {ContextError} `ERR_SERVICE_INVALID`, naming the file and the line, never a value.
 */
export async function readEnvironment(
  { envFiles, environment }: Pick<Supervision, "envFiles" | "environment">,
  folder: string,
): Promise<Record<string, string>> {
  const read = await Promise.all(envFiles.map((name) => readEnvFile(name, folder)));
  return Object.assign({}, ...read, environment);
}

async function readEnvFile(name: string, folder: string): Promise<Record<string, string>> {
  const path = resolve(folder, name);
  const real = await realpath(path).catch((error: unknown) => {
    throw new ContextError("ERR_SERVICE_INVALID", `env_file ${path}: ${reasonOf(error)}`, { cause: error });
  });
  if (!isBelow(await realpath(folder), real))
    throw new ContextError("ERR_SERVICE_INVALID", `env_file ${path} leads out of the folder of the context file`);
  const { environment, problems } = parseEnvFile(await readFile(real, "utf8"), name);
  if (problems.length === 0) return environment;
  throw new ContextError("ERR_SERVICE_INVALID", `env_file ${path} can't be read`, { details: problems });
}
