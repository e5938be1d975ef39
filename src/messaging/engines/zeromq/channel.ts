// A member's socket to the broker. Each connection is a socket of its own, so that nothing that was meant for a former
// broker reaches the next one.
import { Dealer } from "zeromq";
import { decodeBatch, encodeBatch } from "../../embedded/batch.ts";
import type { Channel, ChannelEvents } from "../../embedded/client/client.ts";
import { isFromBroker } from "../../embedded/operation-schema.ts";

const RECONNECT_MS = 50;
const MAX_BATCH_BYTES = 64 * 2 ** 20;

export function openChannel(endpoint: string, member: string, events: ChannelEvents): Channel {
  let isClosed = false;
  let socket = connect();

  function connect(): Dealer {
    const dealer = new Dealer({
      ...{ routingId: member, linger: 0, sendTimeout: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 },
      ...{ reconnectInterval: RECONNECT_MS, maxMessageSize: MAX_BATCH_BYTES },
    });
    const { events: changes } = dealer;
    changes.on("handshake", () => {
      if (dealer === socket && !isClosed) events.onUp();
    });
    changes.on("disconnect", () => {
      if (dealer !== socket || isClosed) return;
      dealer.close();
      events.onDown();
      socket = connect();
    });
    dealer.connect(endpoint);
    void receive(dealer);
    return dealer;
  }

  async function receive(dealer: Dealer): Promise<void> {
    try {
      for await (const frames of dealer) if (dealer === socket) events.onBatch(decodeBatch(frames, isFromBroker));
    } catch (error) {
      if (!dealer.closed) throw error;
    }
  }

  return {
    send(batch) {
      if (!socket.closed) socket.send(encodeBatch(batch)).catch(() => {});
    },
    async close() {
      isClosed = true;
      socket.linger = 1_000;
      socket.close();
    },
  };
}
