import type { Subscriber } from "../../../link/subscriber.ts";
import type { SignalOutbox } from "./signal-outbox.ts";
import { PROBE_PREFIX } from "./signal-topics.ts";

/** Resolves when what a socket has subscribed to is in force. */
export type InForce = (socket: Subscriber) => Promise<void>;

/** @param outbox - Of this member. */
export function createInForce(outbox: Pick<SignalOutbox, "incarnation" | "onceSubscribed">): InForce {
  let probes = 0;
  return async (socket) => {
    probes += 1;
    const probe = `${PROBE_PREFIX}${outbox.incarnation}.${probes}`;
    // The forwarder passes subscriptions on in order, to every publisher and so to our own.
    const arrived = outbox.onceSubscribed(probe);
    socket.subscribe(probe);
    await arrived;
    socket.unsubscribe(probe);
  };
}
