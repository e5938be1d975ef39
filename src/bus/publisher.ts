import { Publisher } from "zeromq";
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
  await socket.bind(loopbackOnly("publisher endpoint", endpoint));
  return {
    publish: (frame) => socket.send(encodeFrame(frame)),
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}
