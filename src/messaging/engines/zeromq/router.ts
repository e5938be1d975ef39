// The broker's socket: batches in from members, batches out to them.
import { Router } from "zeromq";
import { decodeBatch, encodeBatch } from "../../embedded/batch.ts";
import { isToBroker } from "../../embedded/operation-schema.ts";
import type { Batch, FromBroker, ToBroker } from "../../embedded/operations.ts";

export interface RouterEvents {
  onBatch(member: string, batch: Batch<ToBroker>): void;
  /** A member that can't be reached any more, or that has not read for so long that its queue is full. */
  onLost(member: string): void;
  /** A connection has ended. */
  onDisconnect(): void;
  onMalformed(member: string, error: unknown): void;
}

/** Batches queued for one member. Its prefetch bounds what they can hold. */
const HIGH_WATER_MARK = 1_000;
const MAX_BATCH_BYTES = 64 * 2 ** 20;

export async function bindRouter(endpoint: string, events: RouterEvents) {
  const socket = new Router({
    ...{ linger: 0, sendTimeout: 0, mandatory: true, handover: true },
    ...{ sendHighWaterMark: HIGH_WATER_MARK, receiveHighWaterMark: HIGH_WATER_MARK, maxMessageSize: MAX_BATCH_BYTES },
  });
  await socket.bind(endpoint);
  socket.events.on("disconnect", events.onDisconnect);

  function read(member: string, frames: Buffer[]): Batch<ToBroker> | undefined {
    try {
      return decodeBatch(frames, isToBroker);
    } catch (error) {
      events.onMalformed(member, error);
      return undefined;
    }
  }

  return {
    send(member: string, batch: Batch<FromBroker>): void {
      socket.send([member, ...encodeBatch(batch)]).catch(() => events.onLost(member));
    },
    /** Resolves when the socket is closed. */
    async run(): Promise<void> {
      for await (const [id, ...frames] of socket) {
        const member = String(id);
        const batch = read(member, frames);
        if (batch !== undefined) events.onBatch(member, batch);
      }
    },
    close: () => socket.close(),
  };
}
