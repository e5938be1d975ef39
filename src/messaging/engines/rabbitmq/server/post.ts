// Messages by subject over one topic exchange. What this member receives comes through a queue that only it has, and what it
// shares with others through one queue for each pattern and name. Nothing is confirmed: what the server loses is lost.
import type { Channel, ChannelModel, ConsumeMessage, Options } from "amqplib";
import { deferred } from "../../../../deferred.ts";
import type { ZcontextError } from "../../../../errors.ts";
import { subscriptionOf } from "../../../contract/subscription.ts";
import type { Parcel, Post } from "../../../remote/post.ts";
import { createOutbox } from "./outbox.ts";
import { POST_EXCHANGE } from "./topology.ts";

export interface ServerPost extends Post {
  /** Receives over this connection, and resolves when all that was asked for is in force. */
  openReceiving(model: ChannelModel): Promise<void>;
  /** Sends over this connection what waits, and what comes. */
  openSending(model: ChannelModel): Promise<void>;
  loseReceiving(): void;
  loseSending(): void;
  /** Drops what has waited for too long. */
  dropOld(): void;
  /** What is not received yet never will be. */
  end(error: ZcontextError): void;
  /** Resolves when the server has all that was sent. */
  close(): Promise<void>;
}

interface Receiver {
  pattern: string;
  queue: string | undefined;
  handler(parcel: Parcel, subject: string): void;
  inForce: ReturnType<typeof deferred<void>>;
  /** Of a queue that is shared: the channel and the consumer on it. */
  consumer?: { channel: Channel; tag: string };
}

interface Receiving {
  channel: Channel;
  queue: string;
}

/** Of what waits on the server for a member that is slow; the oldest is lost beyond it, and counted as lost. */
const MOST_WAITING = { "x-max-length": 100_000, "x-max-length-bytes": 64 * 2 ** 20 };
const HEAD = "zc";

/**
 * @param onFault - The channel for one direction has ended, and another connection is needed.
 * @param nowMs - The monotonic clock.
 */
export function createPost(
  onFault: { sending(error: unknown): void; receiving(error: unknown): void },
  nowMs: () => number,
): ServerPost {
  const receivers = new Set<Receiver>();
  const outbox = createOutbox(nowMs);
  let receiving: Receiving | undefined;
  /** The handlers of each subject that has come. */
  let handlers = new Map<string, Receiver["handler"][]>();

  function handlersOf(subject: string): Receiver["handler"][] {
    const known = handlers.get(subject);
    if (known !== undefined) return known;
    if (handlers.size > MOST_SUBJECTS) handlers.clear();
    const found = [...receivers]
      .filter(({ pattern, queue }) => queue === undefined && matches(pattern, subject))
      .map(({ handler }) => handler);
    handlers.set(subject, found);
    return found;
  }

  function take(message: ConsumeMessage | null): void {
    if (message === null) return onFault.receiving(new Error("the queue of this member was deleted"));
    const { routingKey: subject } = message.fields;
    const parcel = parcelOf(message);
    for (const handler of handlersOf(subject)) handler(parcel, subject);
  }

  async function putInForce(receiver: Receiver, { channel, queue: own }: Receiving): Promise<void> {
    const { pattern, queue, handler } = receiver;
    if (queue === undefined) await channel.bindQueue(own, POST_EXCHANGE, pattern);
    else if (receiver.consumer?.channel !== channel) {
      const shared = `zcontext.share.${pattern}.${queue}`;
      receiver.consumer = { channel, tag: "" };
      await channel.assertQueue(shared, { durable: true, autoDelete: true, arguments: MOST_WAITING });
      await channel.bindQueue(shared, POST_EXCHANGE, pattern);
      const onMessage = (message: ConsumeMessage | null) => {
        if (message === null) onFault.receiving(new Error(`the queue ${shared} was deleted`));
        else handler(parcelOf(message), message.fields.routingKey);
      };
      const { consumerTag } = await channel.consume(shared, onMessage, { noAck: true });
      receiver.consumer = { channel, tag: consumerTag };
    }
    receiver.inForce.resolve();
  }

  async function end(receiver: Receiver): Promise<void> {
    const { pattern, queue, consumer } = receiver;
    if (queue !== undefined && consumer?.channel === receiving?.channel && consumer !== undefined)
      await consumer.channel.cancel(consumer.tag).catch(() => {});
    receivers.delete(receiver);
    handlers = new Map();
    const isWanted = [...receivers].some((other) => other.queue === undefined && other.pattern === pattern);
    if (queue === undefined && !isWanted)
      await receiving?.channel.unbindQueue(receiving.queue, POST_EXCHANGE, pattern).catch(() => {});
  }

  return {
    send(subject, { head, body, replyTo }, onNobody) {
      const properties: Options.Publish = head === "" ? {} : { headers: { [HEAD]: head } };
      if (replyTo !== undefined) properties.replyTo = replyTo;
      outbox.send(POST_EXCHANGE, subject, body, properties, onNobody);
    },
    async receive(pattern, queue, handler) {
      const receiver: Receiver = { pattern, queue, handler, inForce: deferred() };
      receivers.add(receiver);
      handlers = new Map();
      if (receiving !== undefined) putInForce(receiver, receiving).catch(onFault.receiving);
      await receiver.inForce.promise;
      return subscriptionOf(() => end(receiver));
    },
    async openReceiving(model) {
      const channel = await model.createChannel();
      let fault: unknown = new Error("the channel for receiving was closed");
      channel.on("error", (error) => {
        fault = error;
      });
      channel.on("close", () => receiving?.channel === channel && onFault.receiving(fault));
      await declarePostExchange(channel);
      const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true, arguments: MOST_WAITING });
      await channel.consume(queue, take, { noAck: true });
      receiving = { channel, queue };
      for (const receiver of receivers) await putInForce(receiver, receiving);
    },
    async openSending(model) {
      const channel = await model.createChannel();
      // What fails is told to whoever opens it.
      channel.on("error", () => {});
      await declarePostExchange(channel);
      outbox.open(channel, onFault.sending);
    },
    loseReceiving() {
      receiving = undefined;
    },
    loseSending: outbox.lose,
    dropOld: outbox.dropOld,
    end(error) {
      for (const { inForce } of receivers) {
        inForce.promise.catch(() => {});
        inForce.reject(error);
      }
    },
    async close() {
      receiving = undefined;
      await outbox.close();
    },
  };
}

const MOST_SUBJECTS = 10_000;

function declarePostExchange(channel: Channel): Promise<unknown> {
  return channel.assertExchange(POST_EXCHANGE, "topic", { durable: true });
}

function parcelOf({ content, properties: { headers, replyTo } }: ConsumeMessage): Parcel {
  const head: unknown = headers?.[HEAD];
  return {
    head: typeof head === "string" ? head : "",
    body: content,
    ...(typeof replyTo === "string" && { replyTo }),
  };
}

/** `*` stands for one word. */
function matches(pattern: string, subject: string): boolean {
  if (!pattern.includes("*")) return pattern === subject;
  const [words, wanted] = [subject.split("."), pattern.split(".")];
  return words.length === wanted.length && wanted.every((word, index) => word === "*" || word === words[index]);
}
