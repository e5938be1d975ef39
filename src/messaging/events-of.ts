import type { Subscription } from "./contract/engine.ts";

/**
 * The events of a group, one by one. An event is done when the next one is asked for; breaking out of the loop rejects the one at
 * hand and ends the subscription.
 *
 * @param listen - Listens with a handler that takes an event until its promise settles.
 */
export async function* eventsOf<Event>(
  listen: (handler: (event: Event) => Promise<void>) => Promise<Subscription>,
): AsyncGenerator<Event> {
  const arrived: { event: Event; done(error?: unknown): void }[] = [];
  let wake: (() => void) | undefined;
  const subscription = await listen(
    (event) =>
      new Promise<void>((resolve, reject) => {
        arrived.push({ event, done: (error) => (error === undefined ? resolve() : reject(error)) });
        wake?.();
      }),
  );
  try {
    while (true) {
      const next = arrived.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      let isDone = false;
      try {
        yield next.event;
        isDone = true;
      } finally {
        next.done(isDone ? undefined : new Error("the loop over its events has ended"));
      }
    }
  } finally {
    for (const { done } of arrived) done(new Error("the loop over its events has ended"));
    await subscription.close();
  }
}
