// A member's connection to the broker, which is made anew whenever it ends. Nothing that was meant for a former broker reaches
// the next one.
import { connect, type Socket } from "node:net";
import { decodeBatch, encodeBatch } from "../../embedded/batch.ts";
import type { Channel, ChannelEvents } from "../../embedded/client/client.ts";
import { isFromBroker } from "../../embedded/operation-schema.ts";
import type { Batch, FromBroker } from "../../embedded/operations.ts";
import { socketAddress } from "./address.ts";
import { BATCH_LIMITS, createZmtpReader, encodeMessage, greeting } from "./zmtp.ts";

const RECONNECT_MS = 50;
/** How long what was said last may take to leave. */
const LINGER_MS = 1_000;

export function openChannel(url: string, member: string, events: ChannelEvents): Channel {
  const address = socketAddress(url);
  let isClosed = false;
  /** Whether the broker has shown that it is one. */
  let isUp = false;
  let retry: NodeJS.Timeout | undefined;
  let socket = open();

  function open(): Socket {
    const connection = connect({ ...address, noDelay: true });
    const reader = createZmtpReader({ type: "DEALER", identity: member }, BATCH_LIMITS, {
      onReady() {
        isUp = true;
        if (!isClosed) events.onUp();
      },
      reply: (bytes) => void connection.write(bytes),
    });

    /** What can't be read ends the connection; the next one begins anew. */
    function read(chunk: Buffer): Batch<FromBroker>[] {
      try {
        return reader.take(chunk).map((frames) => decodeBatch(frames, isFromBroker));
      } catch {
        connection.destroy();
        return [];
      }
    }

    connection.on("connect", () => connection.write(greeting()));
    connection.on("data", (chunk) => {
      for (const batch of read(chunk)) if (!isClosed) events.onBatch(batch);
    });
    connection.on("error", () => {});
    connection.on("close", () => {
      const wasUp = isUp;
      isUp = false;
      if (isClosed) return;
      retry = setTimeout(() => {
        socket = open();
      }, RECONNECT_MS);
      if (wasUp) events.onDown();
    });
    return connection;
  }

  return {
    send(batch) {
      if (isUp) socket.write(encodeMessage(...encodeBatch(batch)));
    },
    close() {
      isClosed = true;
      clearTimeout(retry);
      return ended(socket);
    },
  };
}

/** Sends what is left, and resolves when the connection has ended. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.on("close", () => {
      clearTimeout(linger);
      resolve();
    });
    if (socket.connecting) socket.destroy();
    else socket.end();
  });
}
