// Buses of an engine for a conformance test.
import { deferred } from "../../src/deferred.ts";
import type { BusOptions } from "../../src/messaging/bus-types.ts";
import type { Engine } from "../../src/messaging/contract/engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";

/** Makes members that hear each other, and ends them. */
export interface Members extends AsyncDisposable {
  connect(src: string): Promise<Engine>;
}

/** Buses of such members. */
export interface Buses extends AsyncDisposable {
  connect(src: string, options?: Partial<BusOptions>): Promise<EventBus>;
}

export async function openBuses(openMembers: () => Promise<Members>): Promise<Buses> {
  const members = await openMembers();
  return {
    connect: async (src, options = {}) => new EventBus({ engine: await members.connect(src), src, ...options }),
    [Symbol.asyncDispose]: () => members[Symbol.asyncDispose](),
  };
}

/** Keeps what it gets until there is so much of it. */
export function gather<T>(count: number) {
  const full = deferred();
  const got: T[] = [];
  return {
    got,
    full: full.promise,
    add(value: T) {
      got.push(value);
      if (got.length === count) full.resolve();
    },
  };
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
