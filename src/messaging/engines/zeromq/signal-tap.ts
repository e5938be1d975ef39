// Hears the signals on all topics of services, for a tap. It counts nothing and takes part in no queue.
import { mayHaveAttachments, topicOf } from "../../../protocol/codec.ts";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import { leadingTopic, readSignal } from "../../../protocol/signal-frame.ts";
import type { Signal, Subscription } from "../../contract/engine.ts";
import type { InForce } from "./in-force.ts";
import { ReceivedSignal } from "./received-signal.ts";
import { openSignalSubscriber } from "./signal-socket.ts";

const EVERYTHING = "";
/** What members say to each other begins so. */
const INNER = "~";

/** Resolves when all signals are heard. */
export async function tapSignals(
  { subscribe: endpoint }: Endpoints,
  inForce: InForce,
  handler: (signal: Signal) => void,
): Promise<Subscription> {
  const subscriber = openSignalSubscriber(endpoint, ([bytes, ...attachments]) => {
    const signal = bytes && signalIn(bytes, attachments);
    if (signal !== undefined) handler(signal);
  });
  subscriber.subscribe(EVERYTHING);
  await inForce(subscriber);
  return { close: subscriber.close, [Symbol.asyncDispose]: subscriber.close };
}

/** Undefined for messages of the provider and its clients, and for what is no message. */
function signalIn(bytes: Buffer, attachments: Buffer[]): Signal | undefined {
  const topic = leadingTopic(bytes) ?? topicOf(bytes);
  if (topic === undefined || !mayHaveAttachments(topic) || topic.startsWith(INNER)) return undefined;
  try {
    return new ReceivedSignal(topic, readSignal(bytes, topic), attachments);
  } catch {
    return undefined;
  }
}
