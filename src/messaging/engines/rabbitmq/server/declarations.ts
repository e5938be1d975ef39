// Declares exchanges and queues, and asks for them, one after the other on a channel that such an operation may end.
import { setTimeout as pause } from "node:timers/promises";
import type { Channel, ChannelModel } from "amqplib";
import { type Deferred, deferred } from "../../../../deferred.ts";
import type { ZcontextError } from "../../../../errors.ts";
import { MOST_WAIT_MS } from "./connection.ts";
import { unreachable } from "./faults.ts";
import type { QueueToDeclare } from "./topology.ts";

export interface Declarations {
  /** Declares over this connection, before it counts as up: what listens over it needs that. */
  open(model: ChannelModel): void;
  lose(): void;
  close(error: ZcontextError): void;
  /** Does something alone on the channel. Rejects with what the server says. */
  run<T>(work: (channel: Channel) => Promise<T>): Promise<T>;
  /** Declares an exchange, once for each connection. @param queue - Which gets all that comes there. */
  exchangeOnce(exchange: string, queue?: QueueToDeclare): Promise<void>;
  /** Declares a queue. Where it is new, resolves when it would be there again after a crash of the server. */
  keep(queue: QueueToDeclare): Promise<void>;
  /** The same, once for each connection. */
  keepOnce(queue: QueueToDeclare): Promise<void>;
  /** What was declared may be gone. */
  forget(): void;
}

/**
 * How long the server takes to note a new quorum queue on disk, in milliseconds. It writes its list of them when that has not
 * changed for half a second; a queue that is missing there begins empty after a crash, whatever was confirmed.
 */
const NOTED_MS = 1_000;

export function createDeclarations(faultOf: (error: unknown) => ZcontextError): Declarations {
  let connection: Deferred<ChannelModel> = deferred();
  let isOpen = false;
  let present: { model: ChannelModel; channel: Channel; isOpen: boolean } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let known = nothingKnown();

  async function open(): Promise<Channel> {
    const through = await within(connection.promise);
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

  async function within(opening: Promise<ChannelModel>): Promise<ChannelModel> {
    const late = deferred<never>();
    const timer = setTimeout(() => late.reject(unreachable("not connected")), MOST_WAIT_MS);
    try {
      return await Promise.race([opening, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  function once(kind: keyof typeof known, name: string, work: () => Promise<unknown>): Promise<void> {
    const mine = known[kind];
    const before = mine.get(name);
    if (before !== undefined) return before;
    const done = work().then(() => {});
    mine.set(name, done);
    done.catch(() => mine.delete(name));
    return done;
  }

  async function keep(queue: QueueToDeclare): Promise<void> {
    const isThere = await run((channel) => channel.checkQueue(queue.queue)).then(
      () => true,
      (error: ZcontextError) => {
        if (/NOT_FOUND/.test(error.message)) return false;
        throw error;
      },
    );
    await run((channel) => declareQueue(channel, queue));
    if (!isThere) await pause(NOTED_MS);
  }

  const keepOnce = (queue: QueueToDeclare) => once("queues", queue.queue, () => keep(queue));

  return {
    open(model) {
      known = nothingKnown();
      isOpen = true;
      connection.resolve(model);
    },
    lose() {
      if (isOpen) connection = deferred();
      isOpen = false;
    },
    close(error) {
      connection.promise.catch(() => {});
      connection.reject(error);
    },
    run,
    exchangeOnce: (exchange, queue) =>
      once("exchanges", exchange, async () => {
        if (queue !== undefined) await keepOnce(queue);
        await run(async (channel) => {
          await declareExchange(channel, exchange);
          if (queue !== undefined) await channel.bindQueue(queue.queue, exchange, "#");
        });
      }),
    keep,
    keepOnce,
    forget() {
      known = nothingKnown();
    },
  };
}

/** What was declared over a connection: a queue and an exchange may have the same name. */
function nothingKnown() {
  return { exchanges: new Map<string, Promise<void>>(), queues: new Map<string, Promise<void>>() };
}

/** Of events and of nothing else: a topic exchange that is bound by the type of the event. */
export function declareExchange(channel: Channel, exchange: string): Promise<unknown> {
  return channel.assertExchange(exchange, "topic", { durable: true });
}

export function declareQueue(channel: Channel, { queue, options }: QueueToDeclare): Promise<{ messageCount: number }> {
  return channel.assertQueue(queue, options);
}
