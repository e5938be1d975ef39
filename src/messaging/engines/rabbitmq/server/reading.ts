// Reads all messages of a queue and leaves them there, save for those that are asked to be removed. One reader at a time: the
// server refuses a second one, which then waits.
import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel, Message } from "amqplib";
import { deferred } from "../../../../deferred.ts";
import { reasonOf } from "../../../../errors.ts";

/** How long another reader is waited for, and how often it is looked whether it is done. */
const MOST_WAIT_MS = 10_000;
const LOOK_MS = 20;

/**
 * @param visit - Resolves with whether to remove the message. Called for one after the other.
 * @returns Whether the queue is there at all.
 */
export async function readAll(
  model: ChannelModel,
  queue: string,
  visit: (message: Message) => Promise<boolean> | boolean,
): Promise<boolean> {
  const untilMs = performance.now() + MOST_WAIT_MS;
  while (true) {
    try {
      await readOnce(model, queue, visit);
      return true;
    } catch (error) {
      const reason = reasonOf(error);
      if (/NOT_FOUND - no queue/.test(reason)) return false;
      if (!/in exclusive use/.test(reason) || performance.now() > untilMs) throw error;
      await pause(LOOK_MS);
    }
  }
}

async function readOnce(
  model: ChannelModel,
  queue: string,
  visit: (message: Message) => Promise<boolean> | boolean,
): Promise<void> {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  try {
    const { messageCount } = await channel.checkQueue(queue);
    if (messageCount === 0) return;
    const messages: Message[] = [];
    const all = deferred();
    const { consumerTag } = await channel.consume(
      queue,
      (message) => {
        if (message === null) return all.reject(new Error(`the queue ${queue} was deleted`));
        messages.push(message);
        if (messages.length >= messageCount) all.resolve();
      },
      { exclusive: true },
    );
    channel.on("close", () => all.reject(new Error("the channel was closed")));
    // Some may be gone since they were counted: then nothing is left to get.
    await Promise.race([all.promise, empty()]);
    await channel.cancel(consumerTag);
    for (const message of messages) if (await visit(message)) channel.ack(message);

    async function empty(): Promise<void> {
      const more = await channel.get(queue);
      if (more !== false) messages.push(more);
      await channel.checkQueue(queue);
    }
  } finally {
    // Gives back what was not removed, in its order.
    await channel.close().catch(() => {});
  }
}
