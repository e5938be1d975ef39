// Queues as any program of RabbitMQ uses them: a durable queue by its name, without exchanges or arguments of ours, so that
// programs of other makes share it.
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { ZcontextError } from "../../../errors.ts";
import type { ServerAddress } from "../../contract/server.ts";
import { keepConnection } from "./server/connection.ts";
import { operationFault, unreachable } from "./server/faults.ts";
import { createPublisher } from "./server/publisher.ts";

/** What becomes of a message: it is gone, or the server's dead-letter exchange has it, where the queue has one. */
export type Settlement = "ack" | "reject";

/** A message as its handler sees it. */
export interface PlainMessage {
  body: Buffer;
  /** The server has given it to a consumer before. */
  isRedelivered: boolean;
}

export interface PlainQueues {
  /** Resolves when the server has the message. @throws {ZcontextError} `ERR_OVERLOADED` where the queue takes no more. */
  send(queue: string, body: Buffer): Promise<void>;
  /** Resolves when messages arrive; it goes on over connections that end. @param prefetch - The most it has at a time. */
  consume(
    queue: string,
    prefetch: number,
    handler: (message: PlainMessage) => Promise<Settlement>,
  ): Promise<{
    /** Takes no more; what was taken is still settled. */
    stop(): Promise<void>;
  }>;
  close(): Promise<void>;
}

interface Consumption {
  queue: string;
  prefetch: number;
  handler(message: PlainMessage): Promise<Settlement>;
  /** Of the present connection. */
  channel: Channel | undefined;
  tag: string | undefined;
}

const JSON_TYPE = "application/json";
const LOOK_MS = 1_000;

/**
 * Connects, and resolves when the server is there.
 *
 * @throws {ZcontextError} `ERR_ENGINE_REFUSED`, `ERR_ENGINE_UNFIT`, `ERR_ENGINE_UNREACHABLE` after the time.
 */
export async function connectPlainQueues(address: ServerAddress, timeoutMs: number): Promise<PlainQueues> {
  const client = await import("amqplib");
  const nowMs = () => performance.now();
  const faultOf = (error: unknown) => operationFault(error, address);
  const consumptions = new Set<Consumption>();
  const declared = new Set<string>();
  const publisher = createPublisher(faultOf, (error) => connection.renew(error), nowMs);
  const connection = keepConnection({
    ...{ client, address, name: "zcontext streams" },
    async onOpen(model) {
      declared.clear();
      await publisher.open(model);
      for (const one of consumptions) await begin(model, one);
    },
    onLost() {
      publisher.lose();
      for (const one of consumptions) one.channel = undefined;
    },
  });
  const looking = setInterval(() => publisher.failOld(connection.trouble ?? "the server does not answer"), LOOK_MS);
  looking.unref();

  /** Another program may have declared it in its own way: that one is used as it is. */
  async function declare(model: ChannelModel, queue: string): Promise<void> {
    if (declared.has(queue)) return;
    if (!(await exists(model, queue))) {
      const channel = await model.createChannel();
      channel.on("error", () => {});
      await channel.assertQueue(queue, { durable: true });
      await channel.close();
    }
    declared.add(queue);
  }

  async function begin(model: ChannelModel, one: Consumption): Promise<void> {
    await declare(model, one.queue);
    const channel = await model.createChannel();
    channel.on("error", (error) => connection.renew(error));
    await channel.prefetch(one.prefetch);
    one.channel = channel;
    const { consumerTag } = await channel.consume(one.queue, (message) => {
      // The queue was deleted: it is made anew with the connection.
      if (message === null) return connection.renew(new Error(`queue ${one.queue} was deleted`));
      void settle(channel, one, message);
    });
    one.tag = consumerTag;
  }

  async function settle(channel: Channel, one: Consumption, message: ConsumeMessage): Promise<void> {
    const { content: body, fields } = message;
    const settlement = await one.handler({ body, isRedelivered: fields.redelivered });
    // One of a connection that has ended is with another consumer already.
    if (one.channel !== channel) return;
    if (settlement === "ack") channel.ack(message);
    else channel.reject(message, false);
  }

  async function close(): Promise<void> {
    clearInterval(looking);
    publisher.close(unreachable("it is closed"));
    await connection.close();
  }

  try {
    await within(connection.up, timeoutMs, () => away(address.url, connection.trouble ?? "no answer"));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async send(queue, body) {
      await declare(await connection.model(), queue);
      const publication = { exchange: "", key: queue, body, properties: { contentType: JSON_TYPE } };
      const outcome = await publisher.publish(publication);
      if (outcome === "stored") return;
      // It was deleted meanwhile.
      declared.delete(queue);
      if (outcome === "full")
        throw new ZcontextError("ERR_OVERLOADED", `queue ${queue} of ${address.url} takes no more`, {
          hint: "Its consumers are slower than its producers, or none is there.",
        });
      throw new ZcontextError("ERR_DELIVERY_REFUSED", `queue ${queue} of ${address.url} is not there`, {
        hint: "It was deleted on the server. Send again: it is made anew.",
      });
    },
    async consume(queue, prefetch, handler) {
      const one: Consumption = { queue, prefetch, handler, channel: undefined, tag: undefined };
      try {
        await begin(await connection.model(), one);
      } catch (error) {
        throw faultOf(error);
      }
      consumptions.add(one);
      return {
        async stop() {
          if (one.tag !== undefined) await one.channel?.cancel(one.tag).catch(() => {});
          consumptions.delete(one);
        },
      };
    },
    close,
  };
}

/** The server ends a channel that asks for a queue which is not there. */
async function exists(model: ChannelModel, queue: string): Promise<boolean> {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch {
    return false;
  }
}

function away(url: string, trouble: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `${url}: ${trouble}`, {
    hint: "Is the server running, and can this machine reach it?",
  });
}

async function within<T>(promise: Promise<T>, timeoutMs: number, late: () => ZcontextError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  return Promise.race([promise, isLate]).finally(() => clearTimeout(timer));
}
