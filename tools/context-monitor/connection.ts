// Stays with the provider: finds it, listens, asks once how things stand, and begins anew when another has taken its
// place.
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import { findPresence, type Presence } from "../../src/context/provider/presence.ts";
import { ZcontextError } from "../../src/errors.ts";
import { connectInbox } from "../../src/link/link.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import { isWildcard } from "../../src/protocol/endpoints.ts";
import { findEndpoints, readContextFile } from "../context-file.ts";
import { TOPICS } from "./monitor-events.ts";

/** Where the provider is looked for. */
export interface Whereabouts {
  context_file?: string;
  /** Where listeners connect, instead of the file's. */
  endpoint?: string;
}

export interface Watcher {
  onFrame(frame: Frame): void;
  /** Listening at this endpoint from now on; to anybody where the file's own provider does not run. */
  onConnected(endpoint: string, isAnybody: boolean): void;
  /** The provider that was there is there no more. */
  onAway(): void;
  /** There is none, at this look. */
  onWaiting?(): void;
}

/** How often one looks for the provider, in milliseconds. */
const LOOK_MS = 500;

/**
 * Follows the provider until `signal` is aborted.
 *
 * @param isPatient - Waits for a provider that is not there, rather than to throw.
 * @throws {ZcontextError} `ERR_BUS_UNREACHABLE` when it is not there at first, or what is wrong with the file.
 */
export async function stayConnected(
  whereabouts: Whereabouts & { transaction?: string },
  watcher: Watcher,
  { isPatient, signal }: { isPatient: boolean; signal: AbortSignal },
): Promise<void> {
  let mayWait = isPatient;
  while (!signal.aborted) {
    try {
      await listenOnce(whereabouts, watcher, signal, () => {
        mayWait = true;
      });
    } catch (error) {
      if (!mayWait || !isAbsence(error)) throw error;
      watcher.onWaiting?.();
    }
    await pause(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

async function listenOnce(
  whereabouts: Whereabouts & { transaction?: string },
  watcher: Watcher,
  signal: AbortSignal,
  hasConnected: () => void,
): Promise<void> {
  const found = await locate(whereabouts);
  if (found === undefined) return watcher.onWaiting?.();
  const { endpoint, publish, presence } = found;
  const inbox = await connectInbox(endpoint, { topics: TOPICS, timeoutMs: 1_500, onFrame: watcher.onFrame });
  try {
    // One that has begun to start meanwhile says itself where it is, and when.
    if (presence === undefined && (await isStartedAt(whereabouts))) return;
    hasConnected();
    watcher.onConnected(endpoint, whereabouts.endpoint === undefined && presence === undefined);
    if (publish !== undefined) await askHowThingsStand({ publish, subscribe: endpoint }, whereabouts);
    await untilReplaced(whereabouts, presence, signal);
  } finally {
    await inbox.close();
  }
  if (!signal.aborted) watcher.onAway();
}

interface Found {
  endpoint: string;
  publish?: string;
  presence?: Presence | undefined;
}

/**
 * Checks what does not depend on a provider.
 *
 * @throws {ZcontextError} `ERR_USAGE`, or what is wrong with the file.
 */
export async function checkWhereabouts({ endpoint, context_file: file }: Whereabouts): Promise<void> {
  if (endpoint !== undefined) return;
  if (file !== undefined) return void (await readContextFile(file));
  throw new ZcontextError("ERR_USAGE", "where is the provider? --context_file FILE or --endpoint tcp://…:SUB", {
    hint: "`context-monitor --help` lists the options.",
  });
}

/** Where to listen; undefined while the provider is starting. */
async function locate({ endpoint, context_file: file = "" }: Whereabouts): Promise<Found | undefined> {
  if (endpoint !== undefined) return { endpoint };
  const config = await readContextFile(file);
  const presence = await findPresence(file);
  const found = presence?.endpoints;
  if (found !== undefined) return { endpoint: found.subscribe, publish: found.publish, presence };
  if (presence !== undefined) return undefined;
  // Without one, and with ports of the system's choice, this says where it was looked for.
  const { publish, subscribe } = isWildcard(config.endpoints) ? await findEndpoints(file, config) : config.endpoints;
  return { endpoint: subscribe, publish };
}

async function isStartedAt({ endpoint, context_file: file }: Whereabouts): Promise<boolean> {
  return endpoint === undefined && file !== undefined && (await findPresence(file)) !== undefined;
}

/**
 * Has the provider say on the bus which transactions run and how their tasks stand. What it says is heard with all the
 * rest, and so in its order; a silent provider is told by the figures that do not come.
 */
async function askHowThingsStand(
  endpoints: { publish: string; subscribe: string },
  { transaction }: { transaction?: string },
): Promise<void> {
  let client: ContextClient | undefined;
  try {
    client = await connectContext(endpoints);
    const running = await client.running();
    for (const id of running) if (transaction === undefined || id === transaction) await client.state(id);
  } catch {
    // It may be ending, or be halted: whatever it says later is heard.
  } finally {
    await client?.[Symbol.asyncDispose]();
  }
}

/** Resolves when the provider of the file is another than that, or none; one behind an endpoint is not looked for. */
async function untilReplaced(
  { endpoint, context_file: file }: Whereabouts,
  presence: Presence | undefined,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(LOOK_MS, undefined, { signal }).catch(() => {});
    if (endpoint !== undefined || file === undefined || signal.aborted) continue;
    // A halted one does not answer, and is still the same.
    const now = await findPresence(file).catch(() => presence);
    if (now?.pid !== presence?.pid || !isDeepStrictEqual(now?.endpoints, presence?.endpoints)) return;
  }
}

function isAbsence(error: unknown): boolean {
  return (
    error instanceof ZcontextError && (error.code === "ERR_BUS_UNREACHABLE" || error.code === "ERR_REQUEST_TIMEOUT")
  );
}
