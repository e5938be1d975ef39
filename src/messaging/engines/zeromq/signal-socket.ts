// A subscriber of the forwarder that reads the bytes of ZeroMQ itself. A socket of libzmq hands over each message by itself, at
// twice the processor time that a signal takes otherwise; here all that has arrived is taken in one go. What a slow listener has
// not read waits in the system and at the forwarder, up to the bound of that.
import { connect, type Socket } from "node:net";
import { deferred } from "../../../deferred.ts";
import { MAX_WIRE_BYTES, RECONNECT_MS } from "../../../link/limits.ts";
import type { Subscriber } from "../../../link/subscriber.ts";
import { addressOf } from "../../../protocol/endpoints.ts";
import { copyOf } from "../../embedded/parcel.ts";
import { socketAddress } from "./address.ts";
import { createZmtpReader, greeting, subscription } from "./zmtp.ts";

/** So much in one read means that more is there: other sockets and timers have their turn before it is read. */
const MANY_BYTES = 32 * 1024;

/** Attachments are bounded one by one. */
const SIGNAL_LIMITS = {
  frameBytes: MAX_WIRE_BYTES,
  messageBytes: Number.POSITIVE_INFINITY,
  frames: Number.POSITIVE_INFINITY,
};

/**
 * Opens a subscriber without subscriptions. It connects anew whenever its connection ends.
 *
 * @param endpoint - Where it connects.
 * @param onMessage - Called with the frames of each message. The first one is part of what was read with it, the others have
 *   memory of their own.
 */
export function openSignalSubscriber(
  endpoint: string | Promise<string>,
  onMessage: (frames: Buffer[]) => void,
): Subscriber {
  const prefixes = new Set<string>();
  const up = deferred();
  let connection: Socket | undefined;
  let isUp = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  Promise.resolve(endpoint).then(open, () => {});

  function open(known: string): void {
    if (isClosed) return;
    const socket = connect({ ...socketAddress(addressOf(known)), noDelay: true });
    connection = socket;
    const reader = createZmtpReader({ type: "SUB", identity: "" }, SIGNAL_LIMITS, {
      onReady() {
        isUp = true;
        for (const prefix of prefixes) socket.write(subscription(prefix, true));
        up.resolve();
      },
      reply: (bytes) => void socket.write(bytes),
    });

    /** What can't be read ends the connection; the next one begins anew. */
    function read(chunk: Buffer): Buffer[][] {
      try {
        return reader.take(chunk);
      } catch {
        socket.destroy();
        return [];
      }
    }

    socket.on("connect", () => socket.write(greeting()));
    socket.on("data", (chunk) => {
      for (const [first, ...others] of read(chunk))
        if (first !== undefined && !isClosed) onMessage([first, ...others.map(copyOf)]);
      if (chunk.length < MANY_BYTES) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      isUp = false;
      if (!isClosed) retry = setTimeout(open, RECONNECT_MS, known);
    });
  }

  function tell(prefix: string, isWanted: boolean): void {
    if (isUp) connection?.write(subscription(prefix, isWanted));
  }

  return {
    up: up.promise,
    subscribe(prefix) {
      if (prefixes.has(prefix)) return;
      prefixes.add(prefix);
      tell(prefix, true);
    },
    unsubscribe(prefix) {
      if (prefixes.delete(prefix)) tell(prefix, false);
    },
    close() {
      isClosed = true;
      clearTimeout(retry);
      return connection === undefined || connection.closed ? Promise.resolve() : ended(connection);
    },
  };
}

function ended(socket: Socket): Promise<void> {
  const { promise, resolve } = deferred();
  socket.on("close", () => resolve());
  socket.destroy();
  return promise;
}
