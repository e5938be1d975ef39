// Queues on an engine of messages: a message is the event `streams.<queue>`, which one group handles. What a handler throws at
// comes back, up to six attempts, and is a dead letter then.

import { ZcontextError } from "../../../errors.ts";
import type { EventBus, Subscription } from "../../../messaging/index.ts";
import { BUS_URL } from "../../../protocol/environment.ts";
import type { Json } from "../../../protocol/json.ts";
import { Consumer, type ConsumerOptions } from "../../contract/consumer.ts";
import { count } from "../../contract/figures.ts";
import type { Handler } from "../../contract/handler.ts";
import { Producer } from "../../contract/producer.ts";

export interface BusStreamOptions {
  /** Of the engine. */
  url?: string;
}

/** The group of all consumers. */
const GROUP = "streams";
const NATS_URL = "nats://127.0.0.1:4222";

interface SharedBus {
  bus: Promise<EventBus>;
  users: number;
}

/** One connection for each URL, as long as somebody uses it. */
const buses = new Map<string, SharedBus>();

async function connect(url: string): Promise<EventBus> {
  const shared = buses.get(url) ?? { bus: open(url), users: 0 };
  buses.set(url, shared);
  shared.users += 1;
  try {
    return await shared.bus;
  } catch (error) {
    buses.delete(url);
    throw error;
  }
}

async function open(url: string): Promise<EventBus> {
  const { EventBus } = await import("../../../messaging/index.ts");
  return EventBus.connect({ url, another: true });
}

async function leave(url: string): Promise<void> {
  const shared = buses.get(url);
  if (shared === undefined) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  buses.delete(url);
  await (await shared.bus).close();
}

function eventOf(queue: string): string {
  return `streams.${queue}`;
}

abstract class BusProducer extends Producer<BusStreamOptions> {
  #bus: EventBus | undefined;
  protected abstract readonly url: string;

  protected override async open(): Promise<void> {
    this.#bus = await connect(this.url);
  }

  protected async deliver(message: Json): Promise<void> {
    // A queue that nobody has ever consumed keeps nothing: whoever sends is to know.
    await this.#bus?.emit(eventOf(this.queue), { content: message }, { requireRoute: true });
  }

  protected override async shut(): Promise<void> {
    await leave(this.url);
  }
}

abstract class BusConsumer extends Consumer<ConsumerOptions & BusStreamOptions> {
  #bus: EventBus | undefined;
  #subscription: Subscription | undefined;
  protected abstract readonly url: string;

  protected override async open(): Promise<void> {
    this.#bus = await connect(this.url);
  }

  protected async start(handler: Handler): Promise<void> {
    const { concurrency: prefetch = 1 } = this.options;
    const handlerName = handler.name || this.queue;
    this.#subscription = await this.#bus?.listen(
      eventOf(this.queue),
      GROUP,
      ({ content, attempt }) => {
        if (attempt === 1) count(this.protocol, this.queue, "accepted");
        return this.handle(handler, content, { attempt });
      },
      { prefetch, handlerName },
    );
  }

  protected override async stop(): Promise<void> {
    await this.#subscription?.close();
  }

  protected override async shut(): Promise<void> {
    await leave(this.url);
  }
}

/** @throws {ZcontextError} `ERR_USAGE` outside a context. */
function urlOfContext(url = process.env[BUS_URL]): string {
  if (url !== undefined) return url;
  throw new ZcontextError("ERR_USAGE", `ZMQHandler needs a running context, and ${BUS_URL} is not set`, {
    hint: "`context-bus url --context_file <file>` prints it; tasks of a context have it.",
  });
}

export class ZmqProducer extends BusProducer {
  readonly protocol = "ZMQHandler";
  protected readonly url = urlOfContext(this.options.url);
}

export class ZmqConsumer extends BusConsumer {
  readonly protocol = "ZMQHandler";
  protected readonly url = urlOfContext(this.options.url);
}

export class NatsProducer extends BusProducer {
  readonly protocol = "NATSHandler";
  protected readonly url = this.options.url ?? process.env.NATS_URL ?? NATS_URL;
}

export class NatsConsumer extends BusConsumer {
  readonly protocol = "NATSHandler";
  protected readonly url = this.options.url ?? process.env.NATS_URL ?? NATS_URL;
}
