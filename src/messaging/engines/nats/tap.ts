// Copies of events as they are emitted, which the server gives to whoever listens to their subjects.
import type { Subscription, TappedMessage } from "../../contract/engine.ts";
import { type Arrival, type EventHead, readEventHead } from "./event-message.ts";
import type { Link } from "./link.ts";
import { EVERY_EVENT, EVERY_HELD } from "./names.ts";
import { bufferOf } from "./post.ts";

/** Ids that are remembered: an event may pass twice, as one that is held, and when a group comes. */
const REMEMBERED = 10_000;

/** Gets a copy of each event from now on. */
export function tapEvents(
  link: Link,
  add: (event: TappedMessage) => void,
  random: (digits: number) => string,
): Promise<Subscription> {
  const passed = new Set<string>();
  let foreign = 0;
  return link.attempt(async ({ nc }) => {
    const subscriptions = [EVERY_EVENT, EVERY_HELD].map((pattern) =>
      nc.subscribe(pattern, {
        callback(error, { headers, subject, data }) {
          if (error !== null) return;
          const body = bufferOf(data);
          foreign += 1;
          const head = read(headers, { subject, body, id: `tap-${foreign}`, atMs: Date.now(), random });
          if (head === undefined || passed.has(head.envelope.id)) return;
          passed.add(head.envelope.id);
          const [oldest] = passed;
          if (passed.size > REMEMBERED && oldest !== undefined) passed.delete(oldest);
          add({ kind: "event", ...head, body });
        },
      }),
    );
    await nc.flush();
    const close = async () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
    return { close, [Symbol.asyncDispose]: close };
  });
}

/** Undefined where it can't be read, which its group hears of. */
function read(headers: Parameters<typeof readEventHead>[0], arrival: Arrival): EventHead | undefined {
  try {
    return readEventHead(headers, () => arrival);
  } catch {
    return undefined;
  }
}
