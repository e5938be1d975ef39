import { setTimeout as pause } from "node:timers/promises";
import { Publisher } from "zeromq";
import { reasonOf, ZcontextError } from "../errors.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { loopbackOnly } from "./exposure.ts";

/** A publisher on an endpoint of its own, beside the forwarder; once it is disposed of, another one may have that. */
export interface BoundPublisher extends AsyncDisposable {
  publish(frame: Frame): Promise<void>;
}

/**
 * Messages kept for a listener that is slow, or halted: with the lists of many processes each may be megabytes long, and
 * whoever is further behind than this has no use for the oldest.
 */
const HIGH_WATER_MARK = 16;
/** How long the system may take to free an endpoint, in milliseconds. */
const UNBIND_MS = 1_000;

/**
 * Binds a publisher to this machine; listeners connect to it directly.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC` for an address of another machine.
 */
export async function bindPublisher(endpoint: string): Promise<BoundPublisher> {
  const socket = new Publisher({ linger: 0, sendTimeout: 0, sendHighWaterMark: HIGH_WATER_MARK });
  try {
    await socket.bind(loopbackOnly("publisher endpoint", endpoint));
  } catch (error) {
    socket.close();
    throw error instanceof ZcontextError
      ? error
      : new ZcontextError("ERR_ENDPOINT_IN_USE", `cannot bind ${endpoint}: ${reasonOf(error)}`, { cause: error });
  }
  return {
    publish: (frame) => socket.send(encodeFrame(frame)),
    async [Symbol.asyncDispose]() {
      await unbind(socket).catch(() => {});
      socket.close();
    },
  };
}

// A thread of ZeroMQ lets go of the endpoint some time after it was asked to, and tells then.
async function unbind(socket: Publisher): Promise<void> {
  const late = new AbortController();
  const closed = new Promise((resolve) => socket.events.on("close", resolve));
  await socket.unbind(socket.lastEndpoint as string);
  await Promise.race([closed, pause(UNBIND_MS, undefined, { signal: late.signal, ref: false })]);
  late.abort();
}
