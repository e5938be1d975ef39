import { setTimeout as pause } from "node:timers/promises";
import { Publisher } from "zeromq";
import { reasonOf, ZcontextError } from "../errors.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { isIpv6 } from "../protocol/endpoints.ts";
import { loopbackOnly, missingIpv6 } from "./exposure.ts";

/** A publisher on its own endpoint, beside the forwarder. Once disposed of, the endpoint is free. */
export interface BoundPublisher extends AsyncDisposable {
  publish(frame: Frame): Promise<void>;
}

/**
 * Messages queued for a listener that is slow or halted. Few, since a message with the lists of many processes may be
 * megabytes long, and since figures this old are of no use.
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
  const address = loopbackOnly("publisher endpoint", endpoint);
  const ipv6 = isIpv6(address);
  const socket = new Publisher({ linger: 0, sendTimeout: 0, sendHighWaterMark: HIGH_WATER_MARK, ipv6 });
  try {
    await socket.bind(address);
  } catch (error) {
    socket.close();
    const reason = missingIpv6(address, error) ?? reasonOf(error);
    throw new ZcontextError("ERR_ENDPOINT_IN_USE", `cannot bind ${endpoint}: ${reason}`, { cause: error });
  }
  return {
    publish: (frame) => socket.send(encodeFrame(frame)),
    async [Symbol.asyncDispose]() {
      await unbind(socket).catch(() => {});
      socket.close();
    },
  };
}

// ZeroMQ's own thread frees the endpoint some time after unbind() has returned, and reports it with this event.
async function unbind(socket: Publisher): Promise<void> {
  const late = new AbortController();
  const closed = new Promise((resolve) => socket.events.on("close", resolve));
  await socket.unbind(socket.lastEndpoint as string);
  await Promise.race([closed, pause(UNBIND_MS, undefined, { signal: late.signal, ref: false })]);
  late.abort();
}
