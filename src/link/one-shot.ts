// Sends one message and is done: for a program that says something once and ends.
import { setTimeout as pause } from "node:timers/promises";
import { XPublisher } from "zeromq";
import { ZcontextError } from "../errors.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { MAX_SUBSCRIPTION_BYTES, RECONNECT_MS } from "./limits.ts";

/** How long what was handed to ZeroMQ may take to leave once the process ends, in milliseconds. */
const LINGER_MS = 1_000;

/**
 * Sends a frame to the forwarder; resolves when the forwarder receives it, or its listeners are sure to get it.
 *
 * @param endpoint - Where senders connect.
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when no forwarder is there within the time; `ERR_MESSAGE_MALFORMED`.
 */
export async function sendOnce(endpoint: string, frame: Frame, { timeoutMs }: { timeoutMs: number }): Promise<void> {
  const bytes = encodeFrame(frame);
  const address = addressOf(endpoint);
  // XPUB rather than PUB: it receives the forwarder's subscription, and what is sent before that is lost.
  const socket = new XPublisher({
    ...{ linger: LINGER_MS, sendTimeout: 0, reconnectInterval: RECONNECT_MS },
    ...{ maxMessageSize: MAX_SUBSCRIPTION_BYTES, ipv6: isIpv6(address) },
  });
  const late = new AbortController();
  try {
    socket.connect(address);
    const isUp = await Promise.race([
      socket.receive().then(() => true),
      pause(timeoutMs, false, { signal: late.signal }).catch(() => false),
    ]);
    if (!isUp)
      throw new ZcontextError(
        "ERR_PROVIDER_UNREACHABLE",
        `no forwarder answers at ${endpoint} within ${timeoutMs} ms`,
        {
          hint: "The provider may just have ended; nothing was announced.",
        },
      );
    await socket.send(bytes);
  } finally {
    late.abort();
    socket.close();
  }
}
