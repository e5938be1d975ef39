import { randomUUID } from "node:crypto";
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import type { Frame } from "../protocol/codec.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { stampOf } from "../protocol/message.ts";
import { type Inbox, type Listener, openInbox } from "./inbox.ts";
import { type Outbox, openOutbox } from "./outbox.ts";

/** One process on the bus: a publisher and a subscriber that live as long as it does. */
export interface Link extends AsyncDisposable {
  /** Names this life of the publisher; stands in the header of whatever it sends. */
  readonly incarnation: string;
  /** Messages given up while the forwarder was away, or refused by a full queue. */
  readonly lost: number;
  publish(frame: Frame): number;
  /**
   * Publishes on a topic we listen to, and resolves when it has come back, and so all that was sent before has passed;
   * or after `chanceMs`, should the forwarder be away.
   */
  publishThrough(frame: Frame, chanceMs: number): Promise<void>;
  /** Resolves when the subscription is in place, so that nothing sent from then on is missed. */
  subscribe(...topics: string[]): Promise<void>;
  close(): Promise<void>;
}

export interface LinkOptions extends Listener {
  topics: readonly string[];
  incarnation?: string;
  /** Whether what this process publishes is to reach its own `onFrame`. Default true. */
  hearsItself?: boolean;
  /** How long to wait for the forwarder, in milliseconds; 0 waits for ever. Default 2_000. */
  timeoutMs?: number;
}

/**
 * Joins the bus. Resolves when both directions work, so callers need neither sleep nor retry.
 *
 * @throws {ZcontextError} `ERR_BUS_UNREACHABLE` when nobody answers in time.
 */
export async function connectLink(endpoints: Endpoints, options: LinkOptions): Promise<Link> {
  const { topics, incarnation = randomUUID(), hearsItself = true, timeoutMs = 2_000 } = options;
  const echoes = createEchoes(incarnation);
  const ownMark = `"incarnation": "${incarnation}"`;
  const outbox = openOutbox(endpoints.publish, incarnation);
  let inbox: Inbox | undefined;
  try {
    inbox = openInbox(endpoints.subscribe, {
      ...options,
      // Everybody hears everything, and our own messages are the longest of all: they are known by their mark.
      isUnwanted: (bytes) => !hearsItself && !echoes.areAwaited() && bytes.includes(ownMark),
      onFrame(frame) {
        echoes.hear(frame);
        options.onFrame(frame);
      },
    });
    const link = joined(inbox, outbox, incarnation, echoes);
    await within(timeoutMs, outbox.up, endpoints.publish);
    await within(timeoutMs, link.subscribe(...topics), endpoints.subscribe);
    return link;
  } catch (error) {
    await Promise.all([inbox?.close(), outbox.close()]);
    throw error;
  }
}

/** Opens an outbox alone and waits for the forwarder, as `connectLink` does. */
export async function connectOutbox(
  endpoint: string,
  { incarnation = randomUUID() as string, timeoutMs = 2_000 } = {},
): Promise<Outbox> {
  const outbox = openOutbox(endpoint, incarnation);
  try {
    await within(timeoutMs, outbox.up, endpoint);
    return outbox;
  } catch (error) {
    await outbox.close();
    throw error;
  }
}

/** Opens an inbox alone and waits for the forwarder, as `connectLink` does. */
export async function connectInbox(
  endpoint: string,
  { topics, timeoutMs = 2_000, ...listener }: LinkOptions,
): Promise<Inbox> {
  const inbox = openInbox(endpoint, listener);
  try {
    for (const topic of topics) inbox.subscribe(topic);
    await within(timeoutMs, inbox.up, endpoint);
    return inbox;
  } catch (error) {
    await inbox.close();
    throw error;
  }
}

/** Own frames that somebody waits to hear again. */
interface Echoes {
  areAwaited(): boolean;
  hear(frame: Frame): void;
  next(topic: string, sequence: number, chanceMs: number): Promise<void>;
}

function createEchoes(own: string): Echoes {
  const waiting = new Map<string, () => void>();
  return {
    areAwaited: () => waiting.size > 0,
    hear(frame) {
      if (waiting.size === 0) return;
      const { incarnation, sequence } = stampOf(frame) ?? {};
      if (incarnation !== own) return;
      waiting.get(`${frame.topic} ${sequence}`)?.();
    },
    next(topic, sequence, chanceMs) {
      const name = `${topic} ${sequence}`;
      const { promise, resolve } = deferred();
      waiting.set(name, resolve);
      const late = setTimeout(resolve, chanceMs);
      return promise.finally(() => {
        clearTimeout(late);
        waiting.delete(name);
      });
    },
  };
}

function joined(inbox: Inbox, outbox: Outbox, incarnation: string, echoes: Echoes): Link {
  let probes = 0;
  const close = async () => {
    await Promise.all([inbox.close(), outbox.close()]);
  };
  return {
    incarnation,
    get lost() {
      return outbox.lost;
    },
    publish: outbox.publish,
    publishThrough: (frame, chanceMs) => echoes.next(frame.topic, outbox.publish(frame), chanceMs),
    async subscribe(...topics) {
      for (const topic of topics) inbox.subscribe(topic);
      // Subscriptions arrive in order: once a fresh one has come through the forwarder to our own publisher, those
      // before it are in place as well.
      probes += 1;
      const probe = `~${incarnation}.${probes}`;
      const arrived = outbox.onceSubscribed(probe);
      inbox.subscribe(probe);
      await arrived;
      inbox.unsubscribe(probe);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function within(timeoutMs: number, work: Promise<void>, endpoint: string): Promise<void> {
  if (timeoutMs === 0) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(endpoint, timeoutMs)), timeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function unreachable(endpoint: string, timeoutMs: number): ZcontextError {
  return new ZcontextError("ERR_BUS_UNREACHABLE", `no provider answers at ${endpoint} (waited ${timeoutMs} ms)`, {
    hint: "Start one with `service-context <Context-X.xml>`, or check the endpoint.",
  });
}
