// Lets the dashboard and the recorder hear what the monitor publishes.
import type { Frame } from "../../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

export interface MonitorListener {
  /** The figures of a transaction's tasks. */
  sampled(transaction: string, entries: readonly Json[]): void;
  /** Sums, and what the provider itself costs. */
  summed?(overview: JsonObject): void;
}

export type Publish = (frame: Frame) => boolean;

/** A function that publishes as the given one does, and tells a listener what it publishes. */
export function tapMonitor(publish: Publish, { sampled, summed = () => {} }: MonitorListener): Publish {
  return (frame) => {
    const { topic, body } = frame;
    if (topic === "overview" && isObject(body)) summed(body);
    if (topic === "monitor" && isObject(body))
      for (const [transaction, entries] of Object.entries(body))
        if (Array.isArray(entries)) sampled(transaction, entries);
    return publish(frame);
  };
}
