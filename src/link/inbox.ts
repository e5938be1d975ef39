// The receiving half of a link: one subscriber that decodes what it hears and hands it on, frame by frame.
import { reasonOf, ZcontextError } from "../errors.ts";
import { decodeFrame, type Frame, mayHaveAttachments } from "../protocol/codec.ts";
import { openSubscriber, type Subscriber } from "./subscriber.ts";

/** The receiving half of a link: like a subscriber, but for exact topics. */
export type Inbox = Subscriber;

/** Receives what an inbox hears, in the order of arrival. */
export interface Listener {
  /** Attachments of a message are left out. */
  onFrame(frame: Frame): void;
  /** A frame that can't be decoded, or that `onFrame` has thrown at; it is dropped. */
  onMalformed?(error: ZcontextError, bytes: Buffer): void;
  /** Whether to drop a frame before it is decoded. */
  isUnwanted?(bytes: Buffer): boolean;
}

/** Opens a subscriber without subscriptions. */
export function openInbox(endpoint: string, listener: Listener): Inbox {
  const topics = new Set<string>();
  const subscriber = openSubscriber(endpoint, (frames) => {
    const [bytes = Buffer.alloc(0)] = frames;
    if (listener.isUnwanted?.(bytes)) return;
    try {
      const frame = decodeFrame(bytes);
      if (frames.length > 1 && !mayHaveAttachments(frame.topic))
        throw new ZcontextError("ERR_MESSAGE_MALFORMED", `message of ${frames.length} frames, expected one`);
      // ZeroMQ matches subscriptions as prefixes: `control` also brings `controls`.
      if (topics.has(frame.topic)) listener.onFrame(frame);
    } catch (error) {
      listener.onMalformed?.(asZcontextError(error), bytes);
    }
  });

  return {
    ...subscriber,
    subscribe(topic) {
      topics.add(topic);
      subscriber.subscribe(topic);
    },
    unsubscribe(topic) {
      topics.delete(topic);
      subscriber.unsubscribe(topic);
    },
  };
}

function asZcontextError(error: unknown): ZcontextError {
  return error instanceof ZcontextError
    ? error
    : new ZcontextError("ERR_MESSAGE_MALFORMED", reasonOf(error), { cause: error });
}
