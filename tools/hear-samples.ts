import type { Frame } from "../src/protocol/codec.ts";
import { isObject, type Json } from "../src/protocol/json.ts";

/** Publishes what the monitor has to say, and tells somebody of each sample of a transaction in it. */
export function hearSamples(
  publish: (frame: Frame) => boolean,
  sampled: (transaction: string, entries: readonly Json[]) => void,
): (frame: Frame) => boolean {
  return (frame) => {
    const { topic, body } = frame;
    if (topic === "monitor" && isObject(body))
      for (const [transaction, entries] of Object.entries(body))
        if (Array.isArray(entries)) sampled(transaction, entries);
    return publish(frame);
  };
}
