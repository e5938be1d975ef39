// The tap of this member: copies are handled one after the other. Those of events and calls come from the broker, which
// hears of each when it was handled; those of signals are bounded here in the same way.
import type { Signal, TapFilter, TapHandler, TappedMessage } from "../../contract/engine.ts";
import { createTaps } from "../taps.ts";

export interface Watching {
  start(filter: TapFilter, handler: TapHandler): void;
  end(): void;
  /** What is tapped; undefined for nothing. */
  readonly filter: TapFilter | undefined;
  take(message: TappedMessage): void;
  /** A signal of any topic. */
  hear(signal: Signal): void;
  /** @param copies - Undefined where nobody has counted them. */
  miss(copies: number | undefined): void;
}

/** Of the tap of signals, which is the only one here. */
const SELF = "";

/** @param taken - Called once a copy of the broker's was handled. */
export function createWatching(taken: () => void): Watching {
  let current: { filter: TapFilter; handler: TapHandler } | undefined;
  let last = Promise.resolve();
  const signals = createTaps<TappedMessage>({
    tapped: (_, message) => handle(message, () => signals.taken(SELF, 1)),
    missed: (_, copies) => miss(copies),
  });

  function inTurn(work: (handler: TapHandler) => Promise<void> | void): void {
    const { handler } = current ?? {};
    if (handler !== undefined) last = last.then(() => work(handler));
  }

  function handle(message: TappedMessage, onHandled: () => void): void {
    inTurn(async (handler) => {
      await handler.onMessage(message);
      onHandled();
    });
  }

  function miss(copies: number | undefined): void {
    inTurn((handler) => handler.onMissed(copies));
  }

  return {
    start(filter, handler) {
      current = { filter, handler };
      signals.open(SELF, filter);
    },
    end() {
      current = undefined;
      signals.close(SELF);
    },
    get filter() {
      return current?.filter;
    },
    take: (message) => handle(message, taken),
    // Its envelope is read where somebody asks for it.
    hear: (signal) =>
      signals.copy({
        kind: "signal",
        name: signal.topic,
        body: Buffer.from(signal.body),
        get envelope() {
          return signal.envelope;
        },
      }),
    miss,
  };
}
