// Reads files that hold secrets or certificates. What is in them stands in no error.
import { readFile, stat } from "node:fs/promises";
import { reasonOf, ZcontextError } from "./errors.ts";

const OTHERS = 0o077;

/**
 * Reads a file that nobody but its user may read.
 *
 * @param what - What has named it, such as a variable.
 * @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`.
 */
export async function readSecretFile(what: string, path: string): Promise<string> {
  const text = await readNamed(what, path);
  const { mode } = await stat(path);
  if ((mode & OTHERS) === 0) return text;
  const modes = (mode & 0o777).toString(8).padStart(4, "0");
  throw invalid(`${what}: ${path} is open to others, mode ${modes}`, `chmod 600 ${path}`);
}

/** Reads a certificate. @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`. */
export async function readPemFile(what: string, path: string): Promise<string> {
  return asPem(what, path, await readNamed(what, path));
}

/** The text of a file that has to be PEM. @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`. */
export function asPem(what: string, path: string, text: string): string {
  if (text.includes("-----BEGIN ")) return text;
  throw invalid(`${what}: ${path} is no PEM file`, "Such a file has a line -----BEGIN …-----.");
}

async function readNamed(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw invalid(`${what}: ${reasonOf(error)}`, "It names a file that this user can read.");
  }
}

function invalid(problem: string, hint: string): ZcontextError {
  return new ZcontextError("ERR_ENVIRONMENT_INVALID", problem, { hint });
}
