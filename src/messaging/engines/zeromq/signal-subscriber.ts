// The receiving half of signals: hands them to the handlers of their topics, or to the one of each queue whose turn it is,
// and counts what is received and lost. It has two sockets: in a flood one of them may lose signals, while what publishers
// state of their totals arrives at the other.

import type { Subscriber } from "../../../link/subscriber.ts";
import { topicOf } from "../../../protocol/codec.ts";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import type { Json } from "../../../protocol/json.ts";
import type { Stamp } from "../../../protocol/message.ts";
import {
  encodeSignal,
  leadingTopic,
  readSignal,
  type SignalFrame,
  signalStart,
} from "../../../protocol/signal-frame.ts";
import type { HeardCounts, Signal, Subscription } from "../../contract/engine.ts";
import { createHeardSignals } from "../../contract/heard-signals.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import type { InForce } from "./in-force.ts";
import { createQueueMembership } from "./queue-membership.ts";
import { hashOf, mix, type Seat } from "./queue-seats.ts";
import { publisherIn, ReceivedSignal } from "./received-signal.ts";
import type { SignalOutbox } from "./signal-outbox.ts";
import { openSignalSubscriber } from "./signal-socket.ts";
import { COUNTS_TOPIC, ECHO_PREFIX, QUEUES_TOPIC, readNews, readTotals, writeNews } from "./signal-topics.ts";

export interface SignalSubscriber {
  subscribe(topic: string, queue: string | undefined, handler: Handler): Promise<Subscription>;
  counts(): HeardCounts[];
  close(): Promise<void>;
}

type Handler = (signal: Signal) => void;

/** One subscription. */
interface Listener {
  handler: Handler;
  queue: string | undefined;
  /** Its place in the queue, once the others know of it. */
  seat: Seat | undefined;
}

/** What is subscribed to beside topics of signals. */
interface Sockets {
  signals: Subscriber;
  totals: Subscriber;
  /** Resolves when totals arrive. */
  countsInForce: Promise<void>;
}

/** Pause before it is found out whether what publishers have stated is lost or under way, in milliseconds. */
const SETTLE_MS = 100;
const NOTHING: Buffer = Buffer.alloc(0);

export function createSignalSubscriber(
  endpoints: Promise<Endpoints>,
  outbox: SignalOutbox,
  inForce: InForce,
): SignalSubscriber {
  const { incarnation } = outbox;
  const echoTopic = `${ECHO_PREFIX}${incarnation}`;
  const topics = new Map<string, Set<Listener>>();
  const heard = createHeardSignals();
  const echoes = new Map<number, () => void>();
  const membership = createQueueMembership(incarnation, (news) => {
    say(QUEUES_TOPIC, JSON.stringify(writeNews(news)));
  });
  let sockets: Sockets | undefined;
  let settling: NodeJS.Timeout | undefined;

  function open(): Sockets {
    const endpoint = endpoints.then(({ subscribe }) => subscribe);
    const signals = openSignalSubscriber(endpoint, hear);
    const totals = openSignalSubscriber(endpoint, hearTotals);
    signals.subscribe(echoTopic);
    totals.subscribe(COUNTS_TOPIC);
    return { signals, totals, countsInForce: inForce(totals) };
  }

  function say(topic: string, content: string, onNumber?: (sequence: number) => void): void {
    try {
      outbox.post(topic, (sequence) => {
        onNumber?.(sequence);
        return encodeSignal(signalStart(topic, incarnation), sequence, "", content);
      });
    } catch {
      // Too many messages wait already: what is said here is said again.
    }
  }

  function hear(frames: Buffer[]): void {
    const [bytes = NOTHING, ...attachments] = frames;
    const topic = leadingTopic(bytes) ?? topicOf(bytes);
    if (topic === undefined) return;
    const listeners = topics.get(topic);
    if (listeners === undefined && topic !== QUEUES_TOPIC && topic !== echoTopic) return;
    const frame = readable(bytes, topic);
    if (frame === undefined) return;
    if (topic === QUEUES_TOPIC) membership.hear(readNews(contentOf(frame)));
    else if (topic === echoTopic) onEcho(frame.stamp?.sequence ?? 0);
    if (listeners !== undefined) give(listeners, new ReceivedSignal(topic, frame, attachments), frame, bytes);
  }

  function give(listeners: ReadonlySet<Listener>, signal: Signal, frame: SignalFrame, bytes: Buffer): void {
    const { topic } = signal;
    const { stamp } = frame;
    if (stamp !== undefined) heard.hear(topic, stamp.incarnation, stamp.sequence, () => publisherIn(frame.header()));
    for (const { handler, queue, seat } of listeners)
      if (queue === undefined || (seat !== undefined && membership.isTurnOf(seat, numberOf(stamp, bytes))))
        handler(signal);
  }

  function hearTotals([bytes = NOTHING]: Buffer[]): void {
    const frame = readable(bytes, COUNTS_TOPIC);
    const totals = frame && readTotals(contentOf(frame));
    if (frame?.stamp === undefined || totals === undefined) return;
    heard.state({ incarnation: frame.stamp.incarnation, publisher: publisherIn(frame.header()), ...totals });
    settleSoon();
  }

  function settleSoon(): void {
    settling ??= setTimeout(settle, SETTLE_MS).unref();
  }

  // What is sent now comes behind everything that was stated: once it is back, what is missing is lost. It may be lost
  // itself, and is then sent again.
  function settle(): void {
    settling = undefined;
    const arrived = heard.missing();
    if (arrived === undefined) return;
    say(echoTopic, "null", (sequence) => echoes.set(sequence, arrived));
    settleSoon();
  }

  function onEcho(sequence: number): void {
    for (const [number, arrived] of echoes) {
      if (number > sequence) break;
      echoes.delete(number);
      if (number === sequence) arrived();
    }
  }

  function add(topic: string, listener: Listener): void {
    const listeners = topics.get(topic) ?? new Set();
    topics.set(topic, listeners.add(listener));
    if (listeners.size > 1) return;
    heard.follow(topic);
    sockets?.signals.subscribe(topic);
  }

  function remove(topic: string, listener: Listener): void {
    const listeners = topics.get(topic);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return;
    topics.delete(topic);
    sockets?.signals.unsubscribe(topic);
    heard.unfollow(topic);
  }

  return {
    async subscribe(topic, queue, handler) {
      await endpoints;
      sockets ??= open();
      const listener: Listener = { handler, queue, seat: undefined };
      if (queue !== undefined) sockets.signals.subscribe(QUEUES_TOPIC);
      add(topic, listener);
      await Promise.all([inForce(sockets.signals), sockets.countsInForce]);
      if (queue !== undefined) {
        // Before the others know of it: its turn comes with the next signal after that.
        const onSeat = (seat: Seat) => {
          listener.seat = seat;
        };
        await membership.join(topic, queue, onSeat);
      }
      return subscriptionOf(async () => {
        if (listener.seat !== undefined) await membership.leave(listener.seat);
        remove(topic, listener);
      });
    },
    counts: heard.counts,
    async close() {
      clearTimeout(settling);
      membership.end();
      await Promise.all([sockets?.signals.close(), sockets?.totals.close()]);
    },
  };
}

/** Undefined for what is no signal. */
function readable(bytes: Buffer, topic: string): SignalFrame | undefined {
  try {
    return readSignal(bytes, topic);
  } catch {
    return undefined;
  }
}

function contentOf({ content }: SignalFrame): Json {
  try {
    return JSON.parse(content);
  } catch {
    return null;
  }
}

/** The same number at all subscribers, in whatever language. */
function numberOf(stamp: Stamp | undefined, bytes: Buffer): number {
  return stamp === undefined ? hashOf(bytes) : mix(hashOf(stamp.incarnation), stamp.sequence);
}
