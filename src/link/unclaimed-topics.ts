// Samples everything that passes the forwarder, for what no subscription of the provider brings: frames without a readable
// topic, and commands on a mistyped topic. A sample only, so that a flood costs little, and on a socket of its own, so that
// it never delays commands.
import { setTimeout as pause } from "node:timers/promises";
import { Subscriber } from "zeromq";
import { topicOf } from "../protocol/codec.ts";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { MAX_WIRE_BYTES, RECONNECT_MS } from "./limits.ts";
import { mistypedTopic } from "./mistyped-topic.ts";
import { receiving } from "./receiving.ts";

export interface UnclaimedTopics {
  /** Topics that commands come on; may grow. Others are compared with these. */
  commandTopics: ReadonlySet<string>;
  /** Further topics that are certainly not mistyped. */
  otherTopics: ReadonlySet<string>;
  /** The first message on a topic that is probably a mistyped command topic. */
  onMistyped(topic: string, meant: string): void;
  /** A message without a readable topic, or with one that no subscription matches. */
  onUnreadable(bytes: Buffer): void;
}

/** Frames queued while the sampling rests; beyond that the forwarder drops them for this socket alone. */
const KEPT = 100;
const PAUSE_MS = 100;
/** Topics remembered, so that each is judged and reported once. Those beyond are not judged. */
const MAX_TOPICS = 1_000;

/** Starts the sampling; disposing ends it. */
export function watchUnclaimedTopics(
  endpoint: string,
  { commandTopics, otherTopics, onMistyped, onUnreadable }: UnclaimedTopics,
): AsyncDisposable {
  const address = addressOf(endpoint);
  const socket = new Subscriber({
    linger: 0,
    ipv6: isIpv6(address),
    receiveHighWaterMark: KEPT,
    maxMessageSize: MAX_WIRE_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const judged = new Set<string>();
  const closed = new AbortController();
  socket.connect(address);
  socket.subscribe();
  const sampling = sample();

  async function sample(): Promise<void> {
    let count = 0;
    for await (const [bytes = Buffer.alloc(0)] of receiving(socket)) {
      inspect(bytes);
      count += 1;
      if (count % KEPT === 0) await pause(PAUSE_MS, undefined, { signal: closed.signal }).catch(() => {});
    }
  }

  function inspect(bytes: Buffer): void {
    const topic = topicOf(bytes);
    if (topic === undefined) return onUnreadable(bytes);
    // ZeroMQ matches from the first byte on: with white space before the topic no subscriber gets the message.
    if (isOurs(topic)) return beginsWith(bytes, topic) ? undefined : onUnreadable(bytes);
    if (judged.has(topic) || judged.size >= MAX_TOPICS) return;
    judged.add(topic);
    const meant = mistypedTopic(topic, [...commandTopics]);
    if (meant !== undefined) onMistyped(topic, meant);
  }

  function isOurs(topic: string): boolean {
    return commandTopics.has(topic) || otherTopics.has(topic);
  }

  return {
    async [Symbol.asyncDispose]() {
      closed.abort();
      if (!socket.closed) socket.close();
      await sampling;
    },
  };
}

function beginsWith(bytes: Buffer, topic: string): boolean {
  return bytes.subarray(0, topic.length).equals(Buffer.from(topic));
}
