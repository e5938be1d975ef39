// Keeps the monitor connected to a provider: finds it, subscribes, requests the state of its transactions once, and
// begins again when another process has taken its place.
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { BOUNDS, type ContextClient, connectContext } from "../../src/context/client/client.ts";
import { type ErrorCode, ZcontextError } from "../../src/errors.ts";
import { connectInbox } from "../../src/link/link.ts";
import type { Presence } from "../../src/presence/answer.ts";
import { findPresence } from "../../src/presence/search.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import { endpointsOf, findContext, warnOfFault } from "../context-file.ts";
import { TOPICS } from "./monitor-events.ts";

/** Where the provider is looked for. */
export interface ProviderLocation {
  context_file?: string;
  /** Where listeners connect, instead of the file's. */
  endpoint?: string;
}

export interface ConnectionListener {
  onFrame(frame: Frame): void;
  /** Subscribed at this endpoint; `isForeign` where the file's own provider does not run, so any may be there. */
  onConnected(endpoint: string, isForeign: boolean): void;
  /** The provider has gone. */
  onAway(): void;
  /** There is no provider yet; called at each attempt. */
  onWaiting?(): void;
}

/** How often the provider is looked for, in milliseconds. */
const POLL_MS = 500;

/**
 * Listens to the provider, and to its successors, until `signal` is aborted.
 *
 * @param isPatient - Whether to wait for a provider that is not there at first.
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when it is not there at first, or the error of the context file.
 */
export async function stayConnected(
  location: ProviderLocation & { transaction?: string },
  listener: ConnectionListener,
  { isPatient, signal }: { isPatient: boolean; signal: AbortSignal },
): Promise<void> {
  let mayWait = isPatient;
  while (!signal.aborted) {
    try {
      await listenOnce(location, listener, signal, () => {
        mayWait = true;
      });
    } catch (error) {
      if (!mayWait || !isAbsence(error)) throw error;
      listener.onWaiting?.();
    }
    await pause(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

async function listenOnce(
  location: ProviderLocation & { transaction?: string },
  listener: ConnectionListener,
  signal: AbortSignal,
  hasConnected: () => void,
): Promise<void> {
  const found = await locate(location);
  if (found === undefined) return listener.onWaiting?.();
  const { endpoint, publish, presence } = found;
  const inbox = await connectInbox(endpoint, {
    topics: TOPICS,
    timeoutMs: (presence === undefined ? BOUNDS.unknown : BOUNDS.found).timeoutMs,
    onFrame: listener.onFrame,
  });
  try {
    // A provider that has begun to start meanwhile publishes its own endpoints once it is ready.
    if (presence === undefined && (await isStartedAt(location))) return;
    hasConnected();
    listener.onConnected(endpoint, location.endpoint === undefined && presence === undefined);
    if (publish !== undefined) await requestState({ publish, subscribe: endpoint }, location);
    await untilReplaced(location, presence, signal);
  } finally {
    await inbox.close();
  }
  if (!signal.aborted) listener.onAway();
}

interface Found {
  endpoint: string;
  publish?: string;
  presence?: Presence | undefined;
}

/**
 * Checks what does not depend on a provider.
 *
 * @throws {ZcontextError} `ERR_USAGE`, or the error of the context file.
 */
export async function checkLocation({ endpoint, context_file: file }: ProviderLocation): Promise<void> {
  if (endpoint !== undefined) return;
  if (file !== undefined) return warnOfFault(await findContext(file));
  throw new ZcontextError("ERR_USAGE", "where is the provider? --context_file FILE or --endpoint tcp://…:SUB", {
    hint: "`context-monitor --help` lists the options.",
  });
}

/** Where to listen; undefined while the provider is starting. */
async function locate({ endpoint, context_file: file = "" }: ProviderLocation): Promise<Found | undefined> {
  if (endpoint !== undefined) return { endpoint };
  const context = await findContext(file);
  const { presence } = context;
  if (presence !== undefined && presence.endpoints === undefined) return undefined;
  // With wildcard ports and no provider there is nothing to connect to: that is thrown, and says so.
  const { publish, subscribe } = endpointsOf(context);
  return { endpoint: subscribe, publish, presence };
}

async function isStartedAt({ endpoint, context_file: file }: ProviderLocation): Promise<boolean> {
  return endpoint === undefined && file !== undefined && (await findPresence(file)) !== undefined;
}

/**
 * Requests which transactions run and the state of their tasks. The replies are published, so the inbox receives them in
 * order with everything else. A provider that does not answer is noticed by the samples that don't come.
 */
async function requestState(
  endpoints: { publish: string; subscribe: string },
  { transaction }: { transaction?: string },
): Promise<void> {
  let client: ContextClient | undefined;
  try {
    client = await connectContext(endpoints);
    const { running, ended } = await client.transactions();
    for (const id of [...running, ...ended])
      if (transaction === undefined || id === transaction) await client.state(id);
  } catch {
    // It may be ending, or be halted; what it publishes later is received all the same.
  } finally {
    await client?.[Symbol.asyncDispose]();
  }
}

/** Resolves when the file has another provider, or none. Behind a given endpoint there is no way to tell. */
async function untilReplaced(
  { endpoint, context_file: file }: ProviderLocation,
  presence: Presence | undefined,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(POLL_MS, undefined, { signal }).catch(() => {});
    if (endpoint !== undefined || file === undefined || signal.aborted) continue;
    // A halted provider does not answer, and has not been replaced.
    const now = await findPresence(file).catch(() => presence);
    if (now?.instance !== presence?.instance || !isDeepStrictEqual(now?.endpoints, presence?.endpoints)) return;
  }
}

// While it waits for the next provider, somebody may be at work on the file.
const ABSENCES: readonly ErrorCode[] = [
  "ERR_PROVIDER_UNREACHABLE",
  "ERR_REQUEST_TIMEOUT",
  "ERR_CONFIG_INVALID",
  "ERR_CONFIG_UNREADABLE",
];

function isAbsence(error: unknown): boolean {
  return error instanceof ZcontextError && ABSENCES.includes(error.code);
}
