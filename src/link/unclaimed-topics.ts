import { setTimeout as pause } from "node:timers/promises";
import { Subscriber } from "zeromq";
import { topicOf } from "../protocol/codec.ts";
import { MAX_WIRE_BYTES, RECONNECT_MS } from "./limits.ts";
import { receiving } from "./receiving.ts";

export interface StrayEvents {
  /** The first message on a topic that is none of ours. */
  onUnknownTopic(topic: string): void;
  /** A message from which not even a topic can be read. */
  onUnreadable(bytes: Buffer): void;
}

/** Frames kept while we do not look; beyond that the forwarder drops them for us alone. */
const KEPT = 100;
const PAUSE_MS = 100;
/** Topics remembered, so that each is reported once. */
const MAX_TOPICS = 1_000;

/**
 * Looks at everything on the bus, but only as much as is cheap: what nobody subscribes to would otherwise go unseen,
 * and a mistyped topic unexplained. A flood passes it by, and never reaches the socket that commands come on.
 */
export function watchStrays(endpoint: string, ours: ReadonlySet<string>, events: StrayEvents): AsyncDisposable {
  const socket = new Subscriber({
    linger: 0,
    receiveHighWaterMark: KEPT,
    maxMessageSize: MAX_WIRE_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const seen = new Set<string>();
  const closed = new AbortController();
  socket.connect(endpoint);
  socket.subscribe();
  const watching = watch();

  async function watch(): Promise<void> {
    let count = 0;
    for await (const [bytes = Buffer.alloc(0)] of receiving(socket)) {
      look(bytes);
      count += 1;
      if (count % KEPT === 0) await pause(PAUSE_MS, undefined, { signal: closed.signal }).catch(() => {});
    }
  }

  function look(bytes: Buffer): void {
    const topic = topicOf(bytes);
    // A subscription matches the first byte on: with white space before the topic nobody is reached.
    if (topic === undefined || (ours.has(topic) && !bytes.subarray(0, topic.length).equals(Buffer.from(topic)))) {
      return events.onUnreadable(bytes);
    }
    if (ours.has(topic) || seen.has(topic) || seen.size >= MAX_TOPICS) return;
    seen.add(topic);
    events.onUnknownTopic(topic);
  }

  return {
    async [Symbol.asyncDispose]() {
      closed.abort();
      if (!socket.closed) socket.close();
      await watching;
    },
  };
}
