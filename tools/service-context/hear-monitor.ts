import type { Frame } from "../../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

/** Whoever is told what the monitor says. */
export interface MonitorEar {
  sampled(transaction: string, entries: readonly Json[]): void;
  /** Sums, and what the provider takes itself. */
  summed?(overview: JsonObject): void;
}

/** Publishes what the monitor has to say, and tells somebody of it. */
export function hearMonitor(
  publish: (frame: Frame) => boolean,
  { sampled, summed = () => {} }: MonitorEar,
): (frame: Frame) => boolean {
  return (frame) => {
    const { topic, body } = frame;
    if (topic === "overview" && isObject(body)) summed(body);
    if (topic === "monitor" && isObject(body))
      for (const [transaction, entries] of Object.entries(body))
        if (Array.isArray(entries)) sampled(transaction, entries);
    return publish(frame);
  };
}
