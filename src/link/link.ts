// Connects a process to the forwarder: an inbox and an outbox that are known to work in both directions before anything is
// sent, so that no caller has to sleep or retry.
import { randomUUID } from "node:crypto";
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import type { Frame } from "../protocol/codec.ts";
import { addressOf, type Endpoints } from "../protocol/endpoints.ts";
import { stampOf } from "../protocol/message.ts";
import { type Inbox, type Listener, openInbox } from "./inbox.ts";
import { type Outbox, openOutbox } from "./outbox.ts";

/** The connection of one process: a publisher and a subscriber that live as long as the process does. */
export interface Link extends AsyncDisposable {
  /** Identifies this publisher; stands in the header of everything it sends. */
  readonly incarnation: string;
  /** Messages dropped because a queue was full while the forwarder was unreachable. */
  readonly lost: number;
  publish(frame: Frame): number;
  /**
   * Publishes on a topic that this link subscribes to, and resolves when the message has come back: everything sent before
   * it has then passed the forwarder. Resolves after `chanceMs` where it does not come back.
   */
  publishThrough(frame: Frame, chanceMs: number): Promise<void>;
  /** Resolves when the subscription has reached the forwarder: nothing sent from then on is missed. */
  subscribe(...topics: string[]): Promise<void>;
  close(): Promise<void>;
}

export interface LinkOptions extends Listener {
  topics: readonly string[];
  incarnation?: string;
  /** Whether `onFrame` gets what this link publishes itself. Default true. */
  hearsItself?: boolean;
  /** How long to wait for the forwarder, in milliseconds; 0 waits for ever. Default 2_000. */
  timeoutMs?: number;
}

/**
 * Connects to a forwarder. Resolves when both directions work, so callers need neither sleep nor retry.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when no forwarder answers in time.
 */
export async function connectLink(endpoints: Endpoints, options: LinkOptions): Promise<Link> {
  const { topics, incarnation = randomUUID(), hearsItself = true, timeoutMs = 2_000 } = options;
  const echoes = createEchoes(incarnation);
  const own = [`"incarnation": "${incarnation}"`, `"incarnation":"${incarnation}"`];
  const outbox = openOutbox(endpoints.publish, incarnation);
  let inbox: Inbox | undefined;
  try {
    inbox = openInbox(endpoints.subscribe, {
      ...options,
      // A subscriber to a topic also gets what its own process publishes on it. The provider's own messages are the longest
      // of all, so they are recognized by their incarnation and not decoded.
      isUnwanted: (bytes) => !hearsItself && !echoes.areAwaited() && own.some((mark) => bytes.includes(mark)),
      onFrame(frame) {
        echoes.hear(frame);
        options.onFrame(frame);
      },
    });
    const link = linkOf(inbox, outbox, incarnation, echoes);
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

/** Waits for frames of this link to come back from the forwarder. */
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

function linkOf(inbox: Inbox, outbox: Outbox, incarnation: string, echoes: Echoes): Link {
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
      // The forwarder passes subscriptions on in order: once a fresh one has arrived at our own publisher, those before it
      // are in place as well.
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
  const address = addressOf(endpoint);
  const where = address === endpoint ? endpoint : `${endpoint}, which is ${address}`;
  return new ZcontextError("ERR_PROVIDER_UNREACHABLE", `no provider answers at ${where} (waited ${timeoutMs} ms)`, {
    hint: "Start one with `service-context <Context-X.xml>`, or check the endpoint.",
  });
}
