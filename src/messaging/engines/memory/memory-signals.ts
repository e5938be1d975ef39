// Signals within one process: given to all subscribers of a topic in a later turn, and never lost.
import type { HeardCounts, Signal, Subscription } from "../../contract/engine.ts";
import type { Signals } from "../../embedded/client/client.ts";

export interface MemorySignals {
  /** The signals of one member. */
  connect(): Signals;
}

interface Subscriber {
  topic: string;
  queue: string | undefined;
  handler(signal: Signal): void;
  /** How many signals it was given. */
  count: number;
  /** Of its member, by topic and publisher. */
  heard: Map<string, HeardCounts>;
}

export function createMemorySignals(): MemorySignals {
  const subscribers = new Set<Subscriber>();
  const taps = new Set<(signal: Signal) => void>();

  function deliver(signal: Signal): void {
    for (const tap of taps) tap(signal);
    const addressed = [...subscribers].filter(({ topic }) => topic === signal.topic);
    for (const heard of new Set(addressed.map(({ heard }) => heard))) count(heard, signal);
    const chosen = new Map<string, Subscriber>();
    for (const one of addressed) {
      if (one.queue === undefined) one.handler(signal);
      else if (one.count < (chosen.get(one.queue)?.count ?? Number.POSITIVE_INFINITY)) chosen.set(one.queue, one);
    }
    for (const one of chosen.values()) {
      one.count += 1;
      one.handler(signal);
    }
  }

  return {
    connect() {
      const published = new Map<string, number>();
      const heard = new Map<string, HeardCounts>();
      const own = new Set<Subscriber>();
      return {
        publish(signal) {
          published.set(signal.topic, (published.get(signal.topic) ?? 0) + 1);
          setImmediate(deliver, signal);
        },
        async subscribe(topic, queue, handler) {
          const subscriber: Subscriber = { topic, queue, handler, count: 0, heard };
          // What was published before is delivered first.
          await new Promise(setImmediate);
          for (const set of [subscribers, own]) set.add(subscriber);
          const close = async () => {
            for (const set of [subscribers, own]) set.delete(subscriber);
          };
          return { close, [Symbol.asyncDispose]: close } satisfies Subscription;
        },
        async tap(handler) {
          taps.add(handler);
          const close = async () => void taps.delete(handler);
          return { close, [Symbol.asyncDispose]: close };
        },
        signalFigures: () => ({
          published: [...published].map(([topic, published]) => ({ topic, published })),
          heard: [...heard.values()].map((counts) => ({ ...counts })),
        }),
        async close() {
          for (const subscriber of own) subscribers.delete(subscriber);
        },
      };
    },
  };
}

function count(heard: Map<string, HeardCounts>, { topic, envelope: { src } }: Signal): void {
  const key = `${topic} ${src}`;
  const counts = heard.get(key) ?? { topic, publisher: src, received: 0, lost: 0 };
  counts.received += 1;
  heard.set(key, counts);
}
