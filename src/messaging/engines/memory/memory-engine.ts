// The engine `memory`: the broker of the embedded engine in this process, with a store that forgets. For tests, and for
// programs that are one process.

import type { Engine, Signal, Subscription } from "../../contract/engine.ts";
import { createBroker } from "../../embedded/broker.ts";
import { type ChannelEvents, createClient } from "../../embedded/client.ts";
import type { QueueLimits } from "../../embedded/event-queues.ts";
import { createMemoryStore } from "../../embedded/memory-store.ts";

/** Connects any number of members, which talk with each other. */
export interface MemoryBroker extends AsyncDisposable {
  connect(src: string): Promise<Engine>;
}

export interface MemoryOptions {
  limits?: Partial<QueueLimits>;
}

const ADVANCE_MS = 20;
const TOKEN = "";

export function createMemoryBroker({ limits = {} }: MemoryOptions = {}): MemoryBroker {
  const channels = new Map<string, ChannelEvents>();
  const subscribers = new Set<Subscriber>();
  const broker = createBroker(
    {
      ...{ store: createMemoryStore(), token: TOKEN, limits },
      send: (member, batch) => later(() => channels.get(member)?.onBatch(batch)),
      onUnrouted() {},
      onStoreFault(error) {
        throw error;
      },
    },
    epochMs(),
  );
  const clock = setInterval(() => broker.advance(epochMs()), ADVANCE_MS).unref();
  const signals = {
    publish: (signal: Signal) => later(() => deliver(subscribers, signal)),
    subscribe,
    async close() {},
  };

  async function subscribe(topic: string, queue: string | undefined, handler: (signal: Signal) => void) {
    const subscriber: Subscriber = { topic, queue, handler, count: 0 };
    subscribers.add(subscriber);
    const close = async () => void subscribers.delete(subscriber);
    return { close, [Symbol.asyncDispose]: close } satisfies Subscription;
  }

  return {
    async connect(src) {
      const client = createClient({
        ...{ name: "memory", src, token: TOKEN, signals },
        openChannel(member, events) {
          channels.set(member, events);
          later(events.onUp);
          return {
            send: (batch) => later(() => broker.receive(member, batch, epochMs())),
            async close() {
              channels.delete(member);
              later(() => broker.lose(member, epochMs()));
            },
          };
        },
      });
      await client.up;
      return client;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(clock);
    },
  };
}

interface Subscriber {
  topic: string;
  queue: string | undefined;
  handler(signal: Signal): void;
  count: number;
}

/** Gives a signal to every subscriber of its topic, and to the least busy one of each queue. */
function deliver(subscribers: ReadonlySet<Subscriber>, signal: Signal): void {
  const chosen = new Map<string, Subscriber>();
  for (const one of subscribers) {
    if (one.topic !== signal.topic) continue;
    if (one.queue === undefined) one.handler(signal);
    else if (one.count < (chosen.get(one.queue)?.count ?? Number.POSITIVE_INFINITY)) chosen.set(one.queue, one);
  }
  for (const one of chosen.values()) {
    one.count += 1;
    one.handler(signal);
  }
}

/** Milliseconds of the epoch that never go backwards. */
function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Calls in a turn of its own, as a socket would. */
function later(call: () => void): void {
  setImmediate(call);
}
