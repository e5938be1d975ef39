import { Publisher } from "zeromq";
import { ContextError, reasonOf } from "../errors.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { loopbackOnly } from "./exposure.ts";
import { HIGH_WATER_MARK } from "./limits.ts";

/** A publisher on an endpoint of its own, beside the forwarder. */
export interface BoundPublisher extends AsyncDisposable {
  publish(frame: Frame): Promise<void>;
}

/**
 * Binds a publisher to this machine; listeners connect to it directly.
 *
 * @throws {ContextError} `ERR_ENDPOINT_PUBLIC` for an address of another machine.
 */
export async function bindPublisher(endpoint: string): Promise<BoundPublisher> {
  const socket = new Publisher({ linger: 0, sendTimeout: 0, sendHighWaterMark: HIGH_WATER_MARK });
  try {
    await socket.bind(loopbackOnly("publisher endpoint", endpoint));
  } catch (error) {
    socket.close();
    throw error instanceof ContextError
      ? error
      : new ContextError("ERR_ENDPOINT_IN_USE", `cannot bind ${endpoint}: ${reasonOf(error)}`, { cause: error });
  }
  return {
    publish: (frame) => socket.send(encodeFrame(frame)),
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}
