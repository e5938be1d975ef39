// Reads the environment variables that `<Supervision>` gives a task, before every spawn, so that a changed env_file takes
// effect. Checks the working folder as well.
import { readFile, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { faultOfLength } from "../../config/command.ts";
import type { Supervision, TaskServiceConfig } from "../../config/context-config.ts";
import { parseEnvFile } from "../../config/env-file.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { isBelow } from "../../folders.ts";

/**
 * The variables that `<Supervision>` adds to a task's environment; its `<environment>` wins over its `env_file`s.
 *
 * @param folder - Of the context file; the env files must lie below it or below `env_roots`, also where links lead to them.
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`, naming the file and the line but never a value, or the working folder that
 *   does not exist.
 */
export async function readEnvironment(
  { envFiles, envRoots, environment, workingFolder }: OfEnvironment,
  folder: string,
): Promise<Record<string, string>> {
  if (workingFolder !== undefined) await assertWorkingFolder(workingFolder, folder);
  const roots = [folder, ...envRoots.map((root) => resolve(folder, root))];
  const read = await Promise.all(envFiles.map((name) => readEnvFile(name, roots)));
  // Unlike an assignment, this makes even `__proto__` a variable.
  return Object.fromEntries([...read, environment].flatMap(Object.entries<string>));
}

type OfEnvironment = Pick<Supervision, "envFiles" | "envRoots" | "environment" | "workingFolder">;

/**
 * The folder that the processes of a task run in: its working folder; by default that of the context file for a program, and
 * the provider's, which is undefined here, for a service.
 *
 * @param folder - Of the context file.
 */
export function runsIn({ command, supervision }: TaskServiceConfig, folder: string): string | undefined {
  const { workingFolder } = supervision;
  if (workingFolder !== undefined) return resolve(folder, workingFolder);
  return command === undefined ? undefined : folder;
}

// Where the working folder is missing, the system reports the program as missing.
async function assertWorkingFolder(workingFolder: string, folder: string): Promise<void> {
  const path = resolve(folder, workingFolder);
  const found = await stat(path).catch((error: unknown) => {
    throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `working_folder ${path}: ${explain(error)}`, { cause: error });
  });
  if (!found.isDirectory())
    throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `working_folder ${path} is not a folder`);
}

/** @param roots - Absolute; the first is the folder of the context file. */
async function readEnvFile(name: string, roots: readonly string[]): Promise<Record<string, string>> {
  const path = resolve(roots[0] ?? "", name);
  const real = await realpath(path).catch((error: unknown) => {
    throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `env_file ${path}: ${explain(error)}`, { cause: error });
  });
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  if (!realRoots.some((root) => root !== undefined && isBelow(root, real))) {
    const allowed = roots.length === 1 ? "" : `, and of its env_roots ${roots.slice(1).join(", ")}`;
    throw new ZcontextError(
      "ERR_ENVIRONMENT_INVALID",
      `env_file ${path} leads out of the folder of the context file${allowed}`,
    );
  }
  // Reading a named pipe might never end.
  if (!(await stat(real)).isFile())
    throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `env_file ${path} is not a file`);
  const { environment, problems } = parseEnvFile(await readFile(real, "utf8"), name);
  for (const [variable, value] of Object.entries(environment)) {
    const fault = faultOfLength(`${variable}=${value}`);
    if (fault !== undefined)
      throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `env_file ${path}, ${variable}: expected ${fault}`);
  }
  if (problems.length === 0) return environment;
  throw new ZcontextError("ERR_ENVIRONMENT_INVALID", `env_file ${path} can't be read`, { details: problems });
}

function explain(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file or folder" : reasonOf(error);
}
