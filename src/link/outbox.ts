// The sending half of a link: one long-lived publisher that numbers its messages, keeps them while the forwarder is
// unreachable, and counts those it has to drop.
import { XPublisher } from "zeromq";
import { type Deferred, deferred } from "../deferred.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { addressOf, isIpv6 } from "../protocol/endpoints.ts";
import { stamp } from "../protocol/message.ts";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, RECONNECT_MS } from "./limits.ts";
import { receiving } from "./receiving.ts";

/** The sending half of a link. */
export interface Outbox {
  /** Resolves when the forwarder receives what is sent. */
  readonly up: Promise<void>;
  /**
   * Sends a frame, stamped with this publisher's incarnation and its number on the topic, and returns that number. While
   * the forwarder is unreachable 10,000 messages are kept; more are dropped and counted.
   *
   * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` when the frame can't travel.
   */
  publish(frame: Frame): number;
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
/** How long the last messages may take to be sent when the process ends, in milliseconds. */
const LINGER_MS = 1_000;

/** Opens an outbox; `incarnation` identifies it in everything it sends. */
export function openOutbox(endpoint: string, incarnation: string): Outbox {
  // XPUB rather than PUB, since it receives the forwarder's subscription and so knows when a message will arrive. A PUB
  // silently drops what it sends before that (the "slow joiner").
  const address = addressOf(endpoint);
  const socket = new XPublisher({
    linger: 0,
    ipv6: isIpv6(address),
    sendTimeout: 0,
    // A full queue refuses a message rather than drop it silently, so that losses are counted.
    noDrop: true,
    sendHighWaterMark: HIGH_WATER_MARK,
    maxMessageSize: MAX_SUBSCRIPTION_BYTES,
    reconnectInterval: RECONNECT_MS,
  });
  const sequences = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const held: Buffer[] = [];
  const up = deferred();
  let isUp = false;
  let lost = 0;
  let unsettled = 0;
  let settled: Deferred<void> | undefined;

  socket.connect(address);
  const listening = listen();

  return {
    up: up.promise,
    get lost() {
      return lost;
    },
    publish(frame) {
      const sequence = (sequences.get(frame.topic) ?? 0) + 1;
      const bytes = encodeFrame(stamp(frame, { incarnation, sequence }));
      sequences.set(frame.topic, sequence);
      if (socket.closed) lost += 1;
      else if (isUp) send(bytes);
      else hold(bytes);
      return sequence;
    },
    onceSubscribed(topic) {
      const { promise, resolve } = deferred();
      waiting.set(topic, resolve);
      return promise;
    },
    abandon() {
      if (!socket.closed) socket.close();
    },
    async close() {
      if (socket.closed) return;
      // A close() over pending sends has crashed the process.
      settled ??= deferred();
      if (unsettled > 0) await settled.promise;
      socket.linger = isUp ? LINGER_MS : 0;
      socket.close();
      await listening;
    },
  };

  async function listen(): Promise<void> {
    for await (const [subscription = Buffer.alloc(0)] of receiving(socket)) {
      const topic = subscription.toString("utf8", 1);
      if (subscription[0] !== SUBSCRIBED) continue;
      if (topic === "") open();
      else arrive(topic);
    }
  }

  function arrive(topic: string): void {
    waiting.get(topic)?.();
    waiting.delete(topic);
  }

  function open(): void {
    isUp = true;
    for (const bytes of held.splice(0)) send(bytes);
    up.resolve();
  }

  // Before the first connection ZeroMQ has no peer to queue for; after it, ZeroMQ queues through outages itself.
  function hold(bytes: Buffer): void {
    if (held.push(bytes) <= HIGH_WATER_MARK) return;
    held.shift();
    lost += 1;
  }

  // Awaiting each send would halve the rate; counting them lets close() wait for all.
  function send(bytes: Buffer): void {
    unsettled += 1;
    socket.send(bytes).then(settle, drop);
  }

  function drop(): void {
    lost += 1;
    settle();
  }

  function settle(): void {
    unsettled -= 1;
    if (unsettled === 0) settled?.resolve();
  }
}
