import { readFile, stat } from "node:fs/promises";
import { type ContextConfig, parseContextConfig } from "../src/config/context-config.ts";
import { findPresence } from "../src/context/provider/presence.ts";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import type { Endpoints } from "../src/protocol/endpoints.ts";
import { isWildcard } from "../src/protocol/endpoints.ts";
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
 * For who has to hear signals meanwhile: reading a pipe may never end, and then nothing ends the process but SIGKILL.
 *
 * @throws {ZcontextError} `ERR_CONFIG_UNREADABLE` for anything but a file.
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
 * Where the provider of a context file is reached: as it says itself, or else as the file says.
 *
 * @throws {ZcontextError} `ERR_BUS_UNREACHABLE` when it does not run and the file leaves the ports to the system.
 */
export async function findEndpoints(file: string, config: ContextConfig): Promise<Endpoints> {
  const endpoints = (await findPresence(file))?.endpoints;
  if (endpoints !== undefined) return endpoints;
  if (!isWildcard(config.endpoints)) {
    say(`warning: no provider runs ${file} itself; asking whoever listens at ${config.endpoints.publish}`);
    return config.endpoints;
  }
  throw new ZcontextError("ERR_BUS_UNREACHABLE", `no provider runs ${file}`, {
    hint: `Start one with \`service-context ${file}\`.`,
  });
}
