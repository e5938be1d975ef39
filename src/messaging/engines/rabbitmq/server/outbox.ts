// Sends messages that nobody confirms. They wait here while there is no connection, or while it takes no more, within a bound.
import type { Channel, Options } from "amqplib";
import { ZcontextError } from "../../../../errors.ts";
import { MOST_WAIT_MS } from "./connection.ts";
import { toPublish } from "./to-publish.ts";

export interface Outbox {
  /**
   * @param onNobody - Called where the server says that nobody receives it.
   * @throws {ZcontextError} `ERR_OVERLOADED` above 10,000 messages or 64 MiB that wait.
   */
  send(exchange: string, key: string, body: Buffer, properties: Options.Publish, onNobody?: () => void): void;
  /** Sends over this channel what waits, and what comes. */
  open(channel: Channel, onFault: (error: unknown) => void): void;
  lose(): void;
  /** Drops what has waited for longer than 30 s. */
  dropOld(): void;
  /** Resolves when the server has all that was sent. */
  close(): Promise<void>;
}

const MAX_LENGTH = 10_000;
const MAX_BYTES = 64 * 2 ** 20;

interface Waiting {
  exchange: string;
  key: string;
  body: Buffer;
  properties: Options.Publish;
  /** Of what the server is to give back where nobody receives it. */
  n: string | undefined;
  sinceMs: number;
}

/** @returns Whether the channel takes more. */
function publish(channel: Channel, { exchange, key, body, properties, n }: Waiting): boolean {
  return channel.publish(exchange, key, body, toPublish(properties, { persistent: false, n }));
}

/** @param nowMs - The monotonic clock. */
export function createOutbox(nowMs: () => number): Outbox {
  let waiting: Waiting[] = [];
  let bytes = 0;
  let channel: Channel | undefined;
  let takesMore = false;
  /** Whom to tell that nobody receives a message; the server says so by its number, and says nothing else. */
  const asked = new Map<string, { onNobody: () => void; sinceMs: number }>();
  let lastN = 0;

  function flush(): void {
    let sent = 0;
    for (const one of waiting) {
      if (!takesMore || channel === undefined) break;
      takesMore = publish(channel, one);
      bytes -= one.body.length;
      sent += 1;
    }
    waiting = waiting.slice(sent);
  }

  return {
    send(exchange, key, body, properties, onNobody) {
      if (channel === undefined || !takesMore) {
        if (waiting.length >= MAX_LENGTH || bytes + body.length > MAX_BYTES)
          throw new ZcontextError(
            "ERR_OVERLOADED",
            `${waiting.length} messages of ${bytes} bytes wait for the server`,
            {
              hint: "Send fewer at a time.",
            },
          );
      }
      const one: Waiting = { exchange, key, body, properties, n: undefined, sinceMs: nowMs() };
      if (onNobody !== undefined) {
        lastN += 1;
        one.n = String(lastN);
        asked.set(one.n, { onNobody, sinceMs: one.sinceMs });
      }
      if (channel !== undefined && takesMore) {
        takesMore = publish(channel, one);
        return;
      }
      waiting.push(one);
      bytes += body.length;
    },
    open(opened, onFault) {
      let fault: unknown = new Error("the channel for sending was closed");
      opened.on("error", (error) => {
        fault = error;
      });
      opened.on("close", () => {
        if (channel !== opened) return;
        channel = undefined;
        onFault(fault);
      });
      opened.on("drain", () => {
        if (channel !== opened) return;
        takesMore = true;
        flush();
      });
      opened.on("return", ({ properties: { correlationId } }) => {
        const one = asked.get(correlationId);
        asked.delete(correlationId);
        one?.onNobody();
      });
      channel = opened;
      takesMore = true;
      flush();
    },
    lose() {
      channel = undefined;
      // What was asked over that connection is not answered.
      const kept = new Set(waiting.map(({ n }) => n));
      for (const n of asked.keys()) if (!kept.has(n)) asked.delete(n);
    },
    dropOld() {
      const oldest = nowMs() - MOST_WAIT_MS;
      const young = waiting.findIndex(({ sinceMs }) => sinceMs > oldest);
      const old = waiting.splice(0, young === -1 ? waiting.length : young);
      for (const { body } of old) bytes -= body.length;
      for (const [n, { sinceMs }] of asked) {
        if (sinceMs > oldest) break;
        asked.delete(n);
      }
    },
    async close() {
      const last = channel;
      channel = undefined;
      // The channel ends after all that was sent on it.
      await last?.close().catch(() => {});
    },
  };
}
