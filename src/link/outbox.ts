import { XPublisher } from "zeromq";
import { type Deferred, deferred } from "../deferred.ts";
import { encodeFrame, type Frame } from "../protocol/codec.ts";
import { stamp } from "../protocol/message.ts";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, RECONNECT_MS } from "./limits.ts";
import { receiving } from "./receiving.ts";

/** The sending half of a bus: one long-lived publisher. */
export interface Outbox {
  /** Resolves when the forwarder takes what is sent. */
  readonly up: Promise<void>;
  /**
   * Sends, marked with this publisher's incarnation and the number of the message on its topic; the answer is that
   * number. Kept while the forwarder is away, 10,000 messages; what is beyond is given up and counted.
   *
   * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` when the frame can't travel.
   */
  publish(frame: Frame): number;
  /** Calls back when a listener's subscription to exactly this topic has passed the forwarder. */
  onceSubscribed(topic: string): Promise<void>;
  /** Messages given up since the start. */
  readonly lost: number;
  /** Closes at once, whatever is still under way: for the last moment of a thread. */
  abandon(): void;
  /** Hands over what was accepted, then closes. */
  close(): Promise<void>;
}

const SUBSCRIBED = 1;
/** How long the last messages may take to leave a process that ends, in milliseconds. */
const LINGER_MS = 1_000;

/** Opens the outbox of one publisher; `incarnation` names this life of it. */
export function openOutbox(endpoint: string, incarnation: string): Outbox {
  // An XPUB rather than a PUB: it hears the forwarder's subscription, and so knows when sending makes sense.
  // A PUB drops what it sends before that, without a word (the "slow joiner").
  const socket = new XPublisher({
    linger: 0,
    sendTimeout: 0,
    // What no longer fits is refused rather than dropped in silence, so that it can be counted.
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

  socket.connect(endpoint);
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
      // Every send must have settled: a close() over pending sends has crashed the process.
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

  // Before the first connection there is nobody to queue for; from then on ZeroMQ does it, outages included.
  function hold(bytes: Buffer): void {
    if (held.push(bytes) <= HIGH_WATER_MARK) return;
    held.shift();
    lost += 1;
  }

  // Not awaited one by one, which would halve the rate, but counted, so that closing can wait for all.
  function send(bytes: Buffer): void {
    unsettled += 1;
    socket.send(bytes).then(settle, giveUp);
  }

  function giveUp(): void {
    lost += 1;
    settle();
  }

  function settle(): void {
    unsettled -= 1;
    if (unsettled === 0) settled?.resolve();
  }
}
