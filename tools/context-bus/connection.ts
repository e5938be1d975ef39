// Finds the engine that the options name, and stays connected to it for as long as a command watches.
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../../src/errors.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { BUS_URL } from "../../src/protocol/environment.ts";
import { findContext } from "../context-file.ts";
import { say } from "../print.ts";

/** The options of all commands; see their `--help`. */
export interface Place {
  context_file?: string;
  url?: string;
  json?: true;
}

/** How often the broker is looked at and, when it is gone, looked for, in milliseconds. */
const LOOK_MS = 500;
/** One that is replaced by the same provider is back before so many looks, and the connection with it. */
const MOST_MISSED = 6;

/**
 * What names the engine.
 *
 * @throws {ZcontextError} `ERR_USAGE` where nothing does, `ERR_CONFIG_UNREADABLE` where the context file is not there.
 */
export async function placeOf({ context_file: contextFile, url = process.env[BUS_URL] }: Place) {
  if (contextFile !== undefined) {
    // A file that is not there is another mistake than a provider that does not run.
    await findContext(contextFile);
    return { contextFile };
  }
  if (url !== undefined && url !== "") return { url };
  throw new ZcontextError("ERR_USAGE", "no context is named: expected --context_file or --url", {
    hint: "`context-bus --help` lists the options.",
  });
}

/** Works with a connection until `gone` is aborted. */
export type Use = (bus: EventBus, gone: AbortSignal) => Promise<void>;

/** Connects to the engine. */
export async function connectBus(place: Place): Promise<EventBus> {
  return EventBus.connect({ ...(await placeOf(place)), src: `/context-bus/${process.pid}`, another: true });
}

/**
 * Stays connected to the broker, and to those of later providers, until `left` is aborted.
 *
 * @param use - Called with each connection.
 * @throws What the first connection does.
 */
export async function stayConnected(place: Place, left: AbortSignal, use: Use): Promise<void> {
  let isFirst = true;
  while (!left.aborted) {
    try {
      const bus = await connectBus(place);
      if (!isFirst) say("connected again");
      isFirst = false;
      await useUntilGone(bus, left, use);
      if (!left.aborted) say("the broker has gone; waiting for the next one");
    } catch (error) {
      if (isFirst || !isAway(error)) throw error;
    }
    await pause(LOOK_MS, undefined, { signal: left }).catch(() => {});
  }
}

async function useUntilGone(bus: EventBus, left: AbortSignal, use: Use): Promise<void> {
  const gone = new AbortController();
  const used = use(bus, AbortSignal.any([gone.signal, left]));
  try {
    await Promise.race([used, untilGone(bus, left)]);
  } finally {
    gone.abort();
    // What waits for an answer of the broker fails by that.
    await bus.close();
    await Promise.allSettled([used]);
  }
}

async function untilGone(bus: EventBus, left: AbortSignal): Promise<void> {
  for (let missed = 0; missed < MOST_MISSED && !left.aborted; missed = bus.trouble === undefined ? 0 : missed + 1)
    await pause(LOOK_MS, undefined, { signal: left }).catch(() => {});
}

function isAway(error: unknown): boolean {
  if (!(error instanceof ZcontextError)) return false;
  return ["ERR_PROVIDER_UNREACHABLE", "ERR_ENGINE_UNREACHABLE", "ERR_ENGINE_REFUSED"].includes(error.code);
}
