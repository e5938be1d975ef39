// The tap of this member: copies are handled one after the other, and the broker hears of each when it was handled.
import type { TapFilter, TapHandler, TappedMessage } from "../contract/engine.ts";

export interface Watching {
  start(filter: TapFilter, handler: TapHandler): void;
  end(): void;
  /** What is tapped; undefined for nothing. */
  readonly filter: TapFilter | undefined;
  take(message: TappedMessage): void;
  /** @param copies - Undefined where nobody has counted them. */
  miss(copies: number | undefined): void;
}

/** @param taken - Called once a copy was handled. */
export function createWatching(taken: () => void): Watching {
  let current: { filter: TapFilter; handler: TapHandler } | undefined;
  let last = Promise.resolve();

  function inTurn(handle: (handler: TapHandler) => Promise<void> | void): void {
    const { handler } = current ?? {};
    if (handler !== undefined) last = last.then(() => handle(handler));
  }

  return {
    start(filter, handler) {
      current = { filter, handler };
    },
    end() {
      current = undefined;
    },
    get filter() {
      return current?.filter;
    },
    take: (message) =>
      inTurn(async (handler) => {
        await handler.onMessage(message);
        taken();
      }),
    miss: (copies) => inTurn((handler) => handler.onMissed(copies)),
  };
}
