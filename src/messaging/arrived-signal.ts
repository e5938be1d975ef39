import type { IncomingSignal } from "./bus-types.ts";
import type { Signal } from "./contract/engine.ts";
import type { Envelope, Lineage } from "./contract/envelope.ts";
import type { EventBus } from "./event-bus.ts";

/** What a handler is told of a signal, read from its header when the handler asks. */
export class ArrivedSignal implements IncomingSignal {
  readonly #signal: Signal;
  readonly #heardBy: EventBus;

  constructor(signal: Signal, heardBy: EventBus) {
    this.#signal = signal;
    this.#heardBy = heardBy;
  }

  get topic(): string {
    return this.#signal.topic;
  }

  get src(): string {
    return this.#signal.envelope.src;
  }

  get sent(): number {
    return this.#signal.envelope.sent;
  }

  get attachments(): readonly Buffer[] {
    return this.#signal.attachments;
  }

  get bus(): EventBus {
    return this.#heardBy.within(lineageOf(this.#signal.envelope));
  }
}

export function lineageOf({ session_id, traceparent }: Envelope): Lineage {
  return { sessionId: session_id, traceparent };
}
