// The signals of engine `zeromq`, which go over the forwarder of a context, and not over its broker. Programs of any kind
// take part, for a signal is a message like all others; see docs/protocol.md.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import type { Subscription } from "../../contract/engine.ts";
import type { Signals } from "../../embedded/client/client.ts";
import { createInForce } from "./in-force.ts";
import { openSignalOutbox } from "./signal-outbox.ts";
import { createSignalPublisher } from "./signal-publisher.ts";
import { createSignalSubscriber } from "./signal-subscriber.ts";
import { tapSignals } from "./signal-tap.ts";

export interface SignalOptions {
  /** Of the forwarder; what is published before they are known waits, up to a bound. */
  endpoints: Endpoints | Promise<Endpoints>;
  /** `context/service/instance`. */
  src: string;
  /** What stands in the header of each signal besides, such as `service_id`. Default: nothing. */
  header?: JsonObject;
}

/** How long a connection that is being made may take when the bus is closed, in milliseconds. */
const LEAVE_MS = 1_000;

/** Signals over the forwarder of a context. */
export function createSignals({ endpoints, src, header = {} }: SignalOptions): Signals {
  const known = Promise.resolve(endpoints);
  const outbox = openSignalOutbox(
    known.then(({ publish }) => publish),
    randomUUID(),
  );
  const publisher = createSignalPublisher({ outbox, src, header });
  const inForce = createInForce(outbox);
  const subscriber = createSignalSubscriber(known, outbox, inForce);
  const taps = new Set<Subscription>();
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    publisher.end();
    if (publisher.published().length > 0) await upWithin(LEAVE_MS);
    await Promise.all([subscriber.close(), ...[...taps].map((tap) => tap.close())]);
    await outbox.close();
  }

  /** What is published just before the end is to be sent as well. */
  async function upWithin(ms: number): Promise<void> {
    const isUp = new AbortController();
    const late = pause(ms, undefined, { signal: isUp.signal }).catch(() => {});
    await Promise.race([outbox.up, late]);
    isUp.abort();
  }

  return {
    publish: publisher.publish,
    subscribe: subscriber.subscribe,
    async tap(handler) {
      const tap = await tapSignals(await known, inForce, handler);
      taps.add(tap);
      return tap;
    },
    signalFigures: () => ({ published: publisher.published(), heard: subscriber.counts() }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
