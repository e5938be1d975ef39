// The broker's socket: batches in from members, batches out to them.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { decodeBatch, encodeBatch } from "../../embedded/batch.ts";
import { isToBroker } from "../../embedded/operation-schema.ts";
import type { Batch, FromBroker, ToBroker } from "../../embedded/operations.ts";
import { socketAddress } from "./address.ts";
import { BATCH_LIMITS, createZmtpReader, encodeMessage, greeting } from "./zmtp.ts";

export interface RouterEvents {
  onBatch(member: string, batch: Batch<ToBroker>): void;
  /** All that has arrived in this turn of the event loop was handed on. */
  onTurn(): void;
  /** A member that can't be reached any more, or that has read nothing while too much was sent. */
  onLost(member: string): void;
  /** A connection has ended. */
  onDisconnect(): void;
  onMalformed(member: string, error: unknown): void;
}

export interface Router {
  send(member: string, batch: Batch<FromBroker>): void;
  close(): void;
}

/** So many bytes may wait for one member, as many as a queue may have. */
const MAX_UNREAD_BYTES = 256 * 2 ** 20;

/** Resolves when members can connect. */
export async function bindRouter(url: string, events: RouterEvents): Promise<Router> {
  const address = socketAddress(url);
  const sockets = new Set<Socket>();
  const members = new Map<string, Socket>();
  let isTurnDue = false;

  /** What comes from several members in one turn is carried out together. */
  function turn(): void {
    isTurnDue = false;
    events.onTurn();
  }

  function accept(socket: Socket): void {
    sockets.add(socket);
    let member = "";
    const reader = createZmtpReader({ type: "ROUTER", identity: "" }, BATCH_LIMITS, {
      onReady(identity) {
        // Without a name it can't be found again after a broken connection; all else works.
        member = identity || randomUUID();
        members.get(member)?.destroy();
        members.set(member, socket);
      },
      reply: (bytes) => void socket.write(bytes),
    });

    function messagesIn(chunk: Buffer): Buffer[][] {
      try {
        return reader.take(chunk);
      } catch (error) {
        events.onMalformed(member, error);
        socket.destroy();
        return [];
      }
    }

    socket.write(greeting());
    socket.on("data", (chunk) => {
      for (const frames of messagesIn(chunk)) {
        const batch = batchIn(member, frames);
        if (batch !== undefined) events.onBatch(member, batch);
      }
      if (isTurnDue) return;
      isTurnDue = true;
      setImmediate(turn);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (members.get(member) === socket) members.delete(member);
      events.onDisconnect();
    });
  }

  function batchIn(member: string, frames: Buffer[]): Batch<ToBroker> | undefined {
    try {
      return decodeBatch(frames, isToBroker);
    } catch (error) {
      events.onMalformed(member, error);
      return undefined;
    }
  }

  const server = createServer({ noDelay: true }, accept);
  // A broker that was killed leaves its socket.
  if ("path" in address) await rm(address.path, { force: true });
  server.listen(address);
  await once(server, "listening");

  return {
    send(member, batch) {
      const socket = members.get(member);
      if (socket !== undefined && socket.writableLength <= MAX_UNREAD_BYTES)
        return void socket.write(encodeMessage(...encodeBatch(batch)));
      socket?.destroy();
      setImmediate(() => events.onLost(member));
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroySoon();
    },
  };
}
