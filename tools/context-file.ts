// Reads context files, and finds the provider of one.
import { readFile, stat } from "node:fs/promises";
import { type ContextConfig, parseContextConfig } from "../src/config/context-config.ts";
import { findPresence } from "../src/context/provider/presence.ts";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import { type Endpoints, isWildcard } from "../src/protocol/endpoints.ts";
import { shortageHint } from "../src/shortage.ts";
import { decodeText } from "../src/text.ts";
import { say } from "./print.ts";

/**
 * Reads a context file.
 *
 * @throws {ZcontextError} `ERR_CONFIG_UNREADABLE`, or `ERR_CONFIG_INVALID` with all its problems.
 */
export async function readContextFile(file: string): Promise<ContextConfig> {
  let text: string;
  try {
    text = decodeText(await readFile(file));
  } catch (error) {
    throw unreadable(file, error);
  }
  return parseContextConfig(text, { file });
}

/**
 * Refuses what is no regular file. Reading a pipe may never end, and a process that handles signals could then only be
 * ended by SIGKILL.
 *
 * @throws {ZcontextError} `ERR_CONFIG_UNREADABLE`.
 */
export async function assertFile(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (!found.isFile()) throw unreadable(file, new Error("it is not a file"));
}

function unreadable(file: string, error: unknown): ZcontextError {
  return new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot read the context file ${file}: ${reasonOf(error)}`, {
    hint: shortageHint(error) ?? "Give the path of a Context-<name>.xml file, saved as UTF-8.",
    cause: error,
  });
}

/**
 * The endpoints of a context file's provider: as the provider says itself, or else as the file says.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when none runs on this machine and the file leaves the ports to the system.
 */
export async function findEndpoints(file: string, config: ContextConfig): Promise<Endpoints> {
  const endpoints = (await findPresence(file))?.endpoints;
  if (endpoints !== undefined) return endpoints;
  if (!isWildcard(config.endpoints)) {
    say(`warning: no provider on this machine runs ${file}; trying ${config.endpoints.publish}, as the file says`);
    return config.endpoints;
  }
  throw new ZcontextError("ERR_PROVIDER_UNREACHABLE", `no provider on this machine runs ${file}`, {
    hint: `Start one with \`service-context ${file}\`.`,
  });
}
