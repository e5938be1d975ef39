// Reads context files, and finds the provider of one.
import { readFile, stat } from "node:fs/promises";
import { type ContextConfig, parseContextConfig } from "../src/config/context-config.ts";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import type { Presence } from "../src/presence/answer.ts";
import type { FileClaim } from "../src/presence/kinship.ts";
import { findPresence, runsFile } from "../src/presence/search.ts";
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
  return parseContextConfig(await readContextText(file), { file });
}

/** @throws {ZcontextError} `ERR_CONFIG_UNREADABLE`. */
export async function readContextText(file: string): Promise<string> {
  try {
    return decodeText(await readFile(file));
  } catch (error) {
    throw unreadable(file, error);
  }
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

/** What is known of a context: by its file, which may be broken or gone, and by the provider that runs it here. */
export interface KnownContext {
  file: string;
  config?: ContextConfig;
  /** Why the file can't be read. */
  fault?: ZcontextError;
  presence?: Presence;
}

/**
 * Reads a context file, and looks for its provider.
 *
 * @throws {ZcontextError} `ERR_CONFIG_UNREADABLE` or `ERR_CONFIG_INVALID` where no provider makes up for that, and
 *   `ERR_REQUEST_TIMEOUT` where one does not answer.
 */
export async function findContext(file: string): Promise<KnownContext> {
  const read = await readContextFile(file).then(
    (config) => ({ config }),
    (error: unknown) => {
      if (error instanceof ZcontextError) return { fault: error };
      throw error;
    },
  );
  const presence = await findPresence(file);
  if ("fault" in read && presence?.endpoints === undefined) throw read.fault;
  return { file, ...read, ...(presence === undefined ? {} : { presence }) };
}

/** Says what is wrong with the file of a provider that is commanded or watched all the same. */
export function warnOfFault({ file, fault, presence }: KnownContext): void {
  if (fault === undefined || presence === undefined) return;
  say(`warning: ${fault.message} (${fault.code})`);
  for (const detail of fault.details) say(`  ${detail}`);
  say(`the provider with pid ${presence.pid} runs ${file} as it was when it started`);
}

/**
 * Where the provider of a context is: as it says itself, or else as the file says.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when none runs on this machine and the file leaves the ports to the system.
 */
export function endpointsOf({ file, config, presence }: KnownContext): Endpoints {
  if (presence?.endpoints !== undefined) return presence.endpoints;
  if (config !== undefined && !isWildcard(config.endpoints)) return config.endpoints;
  throw new ZcontextError("ERR_PROVIDER_UNREACHABLE", `no provider on this machine runs ${file}`, {
    hint: `Start one with \`service-context ${file}\`.`,
  });
}

/** Says that any process may be where the file says. */
export function warnOfForeign(file: string, endpoint: string): void {
  say(`warning: no provider on this machine runs ${file}; trying ${endpoint}, as the file says`);
}

/**
 * Makes sure that the provider at the endpoint of a file runs that file: in another container, or on a port that was free,
 * it may be any other.
 *
 * @throws {ZcontextError} `ERR_CONTEXT_MISMATCH` when it runs another one, or does not say which.
 */
export async function assertRuns(claim: FileClaim | undefined, file: string, endpoint: string): Promise<void> {
  if (claim !== undefined && (await runsFile(claim, file))) return;
  const what = claim === undefined ? "does not say which file it runs" : `runs another file, ${claim.path}`;
  throw new ZcontextError("ERR_CONTEXT_MISMATCH", `the provider at ${endpoint} ${what}; nothing was sent to it`, {
    hint: `\`service-context ${file}\` starts a provider of this file. If you mean the one at ${endpoint}, name it with --endpoint and --subscribe_endpoint.`,
  });
}
