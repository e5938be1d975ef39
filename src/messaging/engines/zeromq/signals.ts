// The signals of engine `zeromq`, which go over the forwarder of a context, and not over its broker. Programs of any kind
// take part, for a signal is a message like all others; see docs/protocol.md.
import { randomUUID } from "node:crypto";
import { openOutbox } from "../../../link/outbox.ts";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import type { Signals } from "../../embedded/client.ts";
import { createSignalPublisher } from "./signal-publisher.ts";
import { createSignalSubscriber } from "./signal-subscriber.ts";

export interface SignalOptions {
  /** Of the forwarder; what is published before they are known waits, up to a bound. */
  endpoints: Endpoints | Promise<Endpoints>;
  /** `context/service/instance`. */
  src: string;
  /** What stands in the header of each signal besides, such as `service_id`. Default: nothing. */
  header?: JsonObject;
}

/** Signals over the forwarder of a context. */
export function createSignals({ endpoints, src, header = {} }: SignalOptions): Signals {
  const known = Promise.resolve(endpoints);
  const outbox = openOutbox(
    known.then(({ publish }) => publish),
    randomUUID(),
  );
  const publisher = createSignalPublisher({ outbox, src, header });
  const subscriber = createSignalSubscriber(known, outbox);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    publisher.end();
    await subscriber.close();
    await outbox.close();
  }

  return {
    publish: publisher.publish,
    subscribe: subscriber.subscribe,
    signalFigures: () => ({ published: publisher.published(), heard: subscriber.counts() }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
