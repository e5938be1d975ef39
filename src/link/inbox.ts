// The receiving half of a link: one subscriber that decodes what it hears and hands it on, frame by frame.
import { Subscriber } from "zeromq";
import { reasonOf, ZcontextError } from "../errors.ts";
import { decodeFrame, type Frame } from "../protocol/codec.ts";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { HIGH_WATER_MARK, MAX_WIRE_BYTES, RECONNECT_MS } from "./limits.ts";
import { receiving } from "./receiving.ts";

/** The receiving half of a link. */
export interface Inbox {
  /** Resolves when the forwarder has answered the connection. */
  readonly up: Promise<void>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  close(): Promise<void>;
}

/** Receives what an inbox hears, in the order of arrival. */
export interface Listener {
  onFrame(frame: Frame): void;
  /** A frame that can't be decoded, or that `onFrame` has thrown at; it is dropped. */
  onMalformed?(error: ZcontextError, bytes: Buffer): void;
  /** Whether to drop a frame before it is decoded. */
  isUnwanted?(bytes: Buffer): boolean;
}

/** Opens a subscriber without subscriptions. */
export function openInbox(endpoint: string, listener: Listener): Inbox {
  const address = addressOf(endpoint);
  const socket = new Subscriber({
    linger: 0,
    ipv6: isIpv6(address),
    receiveHighWaterMark: HIGH_WATER_MARK,
    maxMessageSize: MAX_WIRE_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const { events } = socket; // opens a descriptor, and throws where none is free: before anything else is connected
  const up = new Promise<void>((resolve) => events.on("handshake", () => resolve()));
  const topics = new Set<string>();
  socket.connect(address);
  const listening = listen();

  return {
    up,
    subscribe(topic) {
      topics.add(topic);
      socket.subscribe(topic);
    },
    unsubscribe(topic) {
      topics.delete(topic);
      socket.unsubscribe(topic);
    },
    async close() {
      if (socket.closed) return;
      socket.close();
      await listening;
    },
  };

  async function listen(): Promise<void> {
    for await (const parts of receiving(socket)) hear(parts);
  }

  function hear(parts: Buffer[]): void {
    const [bytes = Buffer.alloc(0)] = parts;
    if (listener.isUnwanted?.(bytes)) return;
    try {
      if (parts.length > 1)
        throw new ZcontextError("ERR_MESSAGE_MALFORMED", `message of ${parts.length} frames, expected one`);
      const frame = decodeFrame(bytes);
      // ZeroMQ matches subscriptions as prefixes: `control` also brings `controls`.
      if (topics.has(frame.topic)) listener.onFrame(frame);
    } catch (error) {
      listener.onMalformed?.(asZcontextError(error), bytes);
    }
  }
}

function asZcontextError(error: unknown): ZcontextError {
  return error instanceof ZcontextError
    ? error
    : new ZcontextError("ERR_MESSAGE_MALFORMED", reasonOf(error), { cause: error });
}
