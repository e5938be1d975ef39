// Subscriptions that end once, however often they are closed. Pure.
import type { Subscription } from "./engine.ts";

/** @param end - Ends it. Called once. */
export function subscriptionOf(end: () => Promise<void>): Subscription {
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= end();
    return closing;
  };
  return { close, [Symbol.asyncDispose]: close };
}
