// A subscriber socket: connects, keeps its subscriptions, and hands on what it hears as it came. What has queued up is
// taken in one go, which costs a third of waiting for each message; but to find nothing more costs as much as five
// messages. So while many come, they are let queue up for a moment.
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { Subscriber as SubscriberSocket } from "zeromq";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { HIGH_WATER_MARK, MAX_WIRE_BYTES, RECONNECT_MS } from "./limits.ts";

/** A socket without subscriptions at first. */
export interface Subscriber {
  /** Resolves when the forwarder has answered the connection. */
  readonly up: Promise<void>;
  /** Everything whose first frame begins with this. */
  subscribe(prefix: string): void;
  unsubscribe(prefix: string): void;
  close(): Promise<void>;
}

/** Messages taken in one turn of the event loop, so that a flood leaves time for timers and other sockets. */
const MOST_IN_A_TURN = 256;
/** So many at once are many. */
const MANY = 8;
/** How long many messages queue up, in milliseconds. */
const MOMENT_MS = 1;
const NEVER = -1;

/**
 * Opens a subscriber.
 *
 * @param endpoint - Where it connects; may be known later.
 * @param onMessage - Called with the frames of each message.
 */
export function openSubscriber(endpoint: string | Promise<string>, onMessage: (frames: Buffer[]) => void): Subscriber {
  const socket = new SubscriberSocket({
    linger: 0,
    receiveHighWaterMark: HIGH_WATER_MARK,
    maxMessageSize: MAX_WIRE_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const { events } = socket; // opens a descriptor, and throws where none is free: before anything else is connected
  const up = new Promise<void>((resolve) => events.on("handshake", () => resolve()));
  if (typeof endpoint === "string") connect(endpoint);
  else endpoint.then(connect, () => {});
  const listening = listen();

  function connect(endpoint: string): void {
    if (socket.closed) return;
    const address = addressOf(endpoint);
    socket.ipv6 = isIpv6(address);
    socket.connect(address);
  }

  async function listen(): Promise<void> {
    try {
      while (!socket.closed) {
        socket.receiveTimeout = NEVER;
        onMessage(await socket.receive());
        if (socket.closed || !socket.readable) continue;
        while ((await drain()) >= MANY) await pause(MOMENT_MS);
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  }

  /** Takes what is there, without waiting for more. @returns How many there were. */
  async function drain(): Promise<number> {
    let taken = 0;
    if (!socket.closed) socket.receiveTimeout = 0;
    while (!socket.closed) {
      let frames: Buffer[];
      try {
        frames = await socket.receive();
      } catch (error) {
        if (isEmpty(error)) return taken;
        throw error;
      }
      taken += 1;
      onMessage(frames);
      if (taken % MOST_IN_A_TURN === 0) await nextTurn();
    }
    return 0;
  }

  return {
    up,
    subscribe: (prefix) => socket.subscribe(prefix),
    unsubscribe: (prefix) => socket.unsubscribe(prefix),
    async close() {
      if (socket.closed) return;
      socket.close();
      await listening;
    },
  };
}

function isEmpty(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
