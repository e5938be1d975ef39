// The engine `memory`: the broker of the embedded engine in this process, with a store that forgets. For tests, and for
// programs that are one process.

import type { Engine } from "../../contract/engine.ts";
import { createBroker } from "../../embedded/broker/broker.ts";
import type { QueueLimits } from "../../embedded/broker/event-queues.ts";
import { createMemoryStore } from "../../embedded/broker/memory-store.ts";
import { type ChannelEvents, createClient } from "../../embedded/client/client.ts";
import { joined } from "../../embedded/parcel.ts";
import { createMemorySignals } from "./memory-signals.ts";

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
  const signals = createMemorySignals();
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

  return {
    async connect(src) {
      const client = createClient({
        ...{ name: "memory", src, token: TOKEN, signals: signals.connect() },
        openChannel(member, events) {
          channels.set(member, events);
          later(events.onUp);
          return {
            send: (batch) =>
              later(() => {
                broker.receive(member, { ...batch, items: batch.items.map(joined) }, epochMs());
                broker.conclude(epochMs());
              }),
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

/** Milliseconds of the epoch that never go backwards. */
function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Calls in a turn of its own, as a socket would. */
function later(call: () => void): void {
  setImmediate(call);
}
