// Lets the dashboard and the recorder hear what the monitor publishes.
import type { Frame } from "../../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

export type MonitorPublication =
  /** The figures of a transaction's tasks. */
  | { type: "sampled"; transaction: string; entries: readonly Json[] }
  /** Sums, and what the provider itself costs. */
  | { type: "summed"; overview: JsonObject };

export type Publish = (frame: Frame) => boolean;

/** A function that publishes as the given one does, and tells a listener what it publishes. */
export function tapMonitor(publish: Publish, listen: (publication: MonitorPublication) => void): Publish {
  return (frame) => {
    const { topic, body } = frame;
    if (topic === "overview" && isObject(body)) listen({ type: "summed", overview: body });
    if (topic === "monitor" && isObject(body))
      for (const [transaction, entries] of Object.entries(body))
        if (Array.isArray(entries)) listen({ type: "sampled", transaction, entries });
    return publish(frame);
  };
}
