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

export interface ZmqStreamOptions extends BusStreamOptions {
  /** Of a context on this machine whose provider runs, in place of a URL. */
  contextFile?: string;
}

type Place = { url: string } | { contextFile: string };

/** The group of all consumers. */
const GROUP = "streams";
const NATS_URL = "nats://127.0.0.1:4222";

interface SharedBus {
  bus: Promise<EventBus>;
  users: number;
}

/** One connection for each place, as long as somebody uses it. */
const buses = new Map<string, SharedBus>();

async function connect(place: Place): Promise<EventBus> {
  const key = JSON.stringify(place);
  const shared = buses.get(key) ?? { bus: open(place), users: 0 };
  buses.set(key, shared);
  shared.users += 1;
  try {
    return await shared.bus;
  } catch (error) {
    buses.delete(key);
    throw error;
  }
}

async function open(place: Place): Promise<EventBus> {
  const { EventBus } = await import("../../../messaging/index.ts");
  return EventBus.connect({ ...place, another: true });
}

async function leave(place: Place): Promise<void> {
  const key = JSON.stringify(place);
  const shared = buses.get(key);
  if (shared === undefined) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  buses.delete(key);
  await (await shared.bus).close();
}

function eventOf(queue: string): string {
  return `streams.${queue}`;
}

abstract class BusProducer<Options extends BusStreamOptions> extends Producer<Options> {
  #bus: EventBus | undefined;
  protected abstract readonly place: Place;

  protected override async open(): Promise<void> {
    this.#bus = await connect(this.place);
  }

  protected async deliver(message: Json): Promise<void> {
    // A queue that nobody has ever consumed keeps nothing: whoever sends is to know.
    await this.#bus?.emit(eventOf(this.queue), { content: message }, { requireRoute: true });
  }

  protected override async shut(): Promise<void> {
    await leave(this.place);
  }
}

abstract class BusConsumer<Options extends BusStreamOptions> extends Consumer<ConsumerOptions & Options> {
  #bus: EventBus | undefined;
  #subscription: Subscription | undefined;
  protected abstract readonly place: Place;

  protected override async open(): Promise<void> {
    this.#bus = await connect(this.place);
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
    await leave(this.place);
  }
}

/** @throws {ZcontextError} `ERR_USAGE` outside a context. */
function contextOf({ url = process.env[BUS_URL], contextFile }: ZmqStreamOptions): Place {
  if (contextFile !== undefined) return { contextFile };
  if (url !== undefined) return { url };
  throw new ZcontextError("ERR_USAGE", `ZMQHandler needs a running context, and ${BUS_URL} is not set`, {
    hint: "Give contextFile, or the URL that `context-bus url --context_file <file>` prints; tasks of a context have it.",
  });
}

function serverOf({ url = process.env.NATS_URL ?? NATS_URL }: BusStreamOptions): Place {
  return { url };
}

export class ZmqProducer extends BusProducer<ZmqStreamOptions> {
  readonly protocol = "ZMQHandler";
  protected readonly place = contextOf(this.options);
}

export class ZmqConsumer extends BusConsumer<ZmqStreamOptions> {
  readonly protocol = "ZMQHandler";
  protected readonly place = contextOf(this.options);
}

export class NatsProducer extends BusProducer<BusStreamOptions> {
  readonly protocol = "NATSHandler";
  protected readonly place = serverOf(this.options);
}

export class NatsConsumer extends BusConsumer<BusStreamOptions> {
  readonly protocol = "NATSHandler";
  protected readonly place = serverOf(this.options);
}
