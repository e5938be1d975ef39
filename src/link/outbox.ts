// The sending half of a link: one long-lived publisher that numbers its messages, keeps them while the forwarder is
// unreachable, and counts those it has to drop.
import { XPublisher } from "zeromq";
import { deferred } from "../deferred.ts";
import type { Frame } from "../protocol/codec.ts";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { stampedText } from "../protocol/signal-frame.ts";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, RECONNECT_MS } from "./limits.ts";
import { createSendQueue } from "./send-queue.ts";

/** The sending half of a link. */
export interface Outbox {
  /** Identifies this publisher in everything it sends. */
  readonly incarnation: string;
  /** Resolves when the forwarder receives what is sent. */
  readonly up: Promise<void>;
  /**
   * Sends a frame, stamped with this publisher's incarnation and its number on the topic, and returns that number. While
   * the forwarder is unreachable 10,000 messages are kept; beyond that the oldest are dropped and counted.
   *
   * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` when the frame can't travel.
   */
  publish(frame: Frame): number;
  /** The last number on each topic. */
  readonly published: ReadonlyMap<string, number>;
  /** Resolves when a subscription to exactly this topic has arrived from the forwarder. */
  onceSubscribed(topic: string): Promise<void>;
  /** Messages dropped since the start. */
  readonly lost: number;
  /** Closes at once and drops what is not sent yet: for a thread that is about to end. */
  abandon(): void;
  /** Closes once everything accepted has been sent. */
  close(): Promise<void>;
}

const SUBSCRIBED = 1;
const NEVER = -1;
/** How often subscriptions are looked for that nobody waits for, in milliseconds: they would pile up. */
const LOOK_MS = 1_000;
/** How long the last messages may take to be sent when the process ends, in milliseconds. */
const LINGER_MS = 1_000;

/**
 * Opens an outbox.
 *
 * @param endpoint - Where it connects; may be known later.
 * @param incarnation - Identifies it in everything it sends.
 */
export function openOutbox(endpoint: string | Promise<string>, incarnation: string): Outbox {
  // XPUB rather than PUB, since it receives the forwarder's subscription and so knows when a message will arrive. A PUB
  // silently drops what it sends before that (the "slow joiner").
  const socket = new XPublisher({
    linger: 0,
    sendTimeout: 0,
    // A full queue refuses a message rather than drop it silently, so that losses are counted.
    noDrop: true,
    sendHighWaterMark: HIGH_WATER_MARK,
    maxMessageSize: MAX_SUBSCRIPTION_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const published = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const queue = createSendQueue((message) => socket.send(message));
  const up = deferred();
  let isUp = false;
  let lost = 0;

  if (typeof endpoint === "string") connect(endpoint);
  else endpoint.then(connect, () => {});
  let isListening = false;
  let listening = listen();
  const looking = setInterval(look, LOOK_MS).unref();

  function connect(endpoint: string): void {
    if (socket.closed) return;
    const address = addressOf(endpoint);
    socket.ipv6 = isIpv6(address);
    socket.connect(address);
  }

  // While a receive is pending, each send asks the socket whether it has come to an end, which takes longer than the send.
  // So subscriptions are waited for while somebody needs them, and else looked for now and then.
  async function listen(): Promise<void> {
    if (isListening) return;
    isListening = true;
    try {
      while (!socket.closed) {
        const isAwaited = !isUp || waiting.size > 0;
        if (!isAwaited && !socket.readable) break;
        socket.receiveTimeout = isAwaited ? NEVER : 0;
        hear(await socket.receive());
      }
    } catch (error) {
      if (!socket.closed) throw error;
    } finally {
      isListening = false;
    }
  }

  function look(): void {
    if (!isListening) listening = listen();
  }

  function hear([subscription = Buffer.alloc(0)]: Buffer[]): void {
    const topic = subscription.toString("utf8", 1);
    // One that was on its way when the socket was closed has no meaning.
    if (subscription[0] !== SUBSCRIBED || socket.closed) return;
    if (topic === "") open();
    else arrive(topic);
  }

  function arrive(topic: string): void {
    waiting.get(topic)?.();
    waiting.delete(topic);
  }

  function open(): void {
    isUp = true;
    queue.open();
    up.resolve();
  }

  return {
    incarnation,
    up: up.promise,
    published,
    get lost() {
      return lost + queue.lost;
    },
    publish(frame) {
      const sequence = (published.get(frame.topic) ?? 0) + 1;
      const text = stampedText(frame, { incarnation, sequence });
      published.set(frame.topic, sequence);
      if (socket.closed) lost += 1;
      else queue.add(text);
      return sequence;
    },
    onceSubscribed(topic) {
      const { promise, resolve } = deferred();
      waiting.set(topic, resolve);
      look();
      return promise;
    },
    abandon() {
      clearInterval(looking);
      if (!socket.closed) socket.close();
    },
    async close() {
      if (socket.closed) return;
      clearInterval(looking);
      // A close() over pending sends has crashed the process.
      await queue.close(LINGER_MS);
      if (socket.closed) return;
      socket.linger = isUp ? LINGER_MS : 0;
      socket.close();
      await listening;
    },
  };
}
