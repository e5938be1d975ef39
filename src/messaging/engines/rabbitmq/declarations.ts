// Declares exchanges and queues, and asks for them, one after the other on a channel that such an operation may end.
import type { Channel, ChannelModel } from "amqplib";
import type { ZcontextError } from "../../../errors.ts";
import type { QueueToDeclare } from "./topology.ts";

export interface Declarations {
  /** Does something alone on the channel. Rejects with what the server says. */
  run<T>(work: (channel: Channel) => Promise<T>): Promise<T>;
  /** The same, once for each connection. */
  once(name: string, work: (channel: Channel) => Promise<unknown>): Promise<void>;
  /** What was declared may be gone. */
  forget(): void;
}

/** @param model - The connection, once there is one. */
export function createDeclarations(
  model: () => Promise<ChannelModel>,
  faultOf: (error: unknown) => ZcontextError,
): Declarations {
  let present: { model: ChannelModel; channel: Channel; isOpen: boolean } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let known = new Map<string, Promise<void>>();

  async function open(): Promise<Channel> {
    const through = await model();
    if (present?.model === through && present.isOpen) return present.channel;
    const mine = { model: through, channel: await through.createChannel(), isOpen: true };
    // What fails is told to whoever has asked.
    mine.channel.on("error", () => {});
    mine.channel.on("close", () => {
      mine.isOpen = false;
    });
    present = mine;
    return mine.channel;
  }

  function run<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const result = last
      .then(open)
      .then(work)
      .catch((error: unknown) => {
        throw faultOf(error);
      });
    last = result.catch(() => {});
    return result;
  }

  return {
    run,
    once(name, work) {
      const before = known.get(name);
      if (before !== undefined) return before;
      const mine = known;
      const done = run(work).then(() => {});
      mine.set(name, done);
      done.catch(() => mine.delete(name));
      return done;
    },
    forget() {
      known = new Map();
    },
  };
}

/** Of events and of nothing else: a topic exchange that is bound by the type of the event. */
export function declareExchange(channel: Channel, exchange: string): Promise<unknown> {
  return channel.assertExchange(exchange, "topic", { durable: true });
}

export function declareQueue(channel: Channel, { queue, options }: QueueToDeclare): Promise<{ messageCount: number }> {
  return channel.assertQueue(queue, options);
}
