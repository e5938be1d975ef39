// The topics on which publishers and subscribers of signals speak about signals, and what they say there. Pure.
import { isObject, type Json, type JsonObject } from "../../../protocol/json.ts";
import type { Statement } from "../../contract/heard-signals.ts";
import type { Seat } from "./queue-seats.ts";

/** Publishers state their totals here. */
export const COUNTS_TOPIC = "~counts";
/** Subscribers of queues say here that they are there. */
export const QUEUES_TOPIC = "~queues";
/** A subscriber makes sure here that everything before has arrived. Its incarnation follows. */
export const ECHO_PREFIX = "~echo.";
/** Subscribing to such a topic asks all publishers for their totals. The subscriber's incarnation and a number follow. */
export const PROBE_PREFIX = "~probe.";

export function writeTotals(totals: ReadonlyMap<string, number>, isLast: boolean): JsonObject {
  return { totals: Object.fromEntries(totals), last: isLast };
}

/** What a publisher states; undefined where something is malformed. */
export function readTotals(content: Json): Pick<Statement, "totals" | "isLast"> | undefined {
  if (!isObject(content) || !isObject(content.totals)) return undefined;
  const totals = new Map<string, number>();
  for (const [topic, total] of Object.entries(content.totals)) {
    if (typeof total !== "number" || !Number.isSafeInteger(total)) return undefined;
    totals.set(topic, total);
  }
  return { totals, isLast: content.last === true };
}

/** What subscribers of queues say to each other. */
export interface QueueNews {
  /** Asks all others to say that they are there. */
  isQuestion: boolean;
  here: Seat[];
  /** Ids of seats. */
  gone: string[];
}

export function writeNews({ isQuestion = false, here = [], gone = [] }: Partial<QueueNews>): JsonObject {
  return { ask: isQuestion, here: here.map(({ id, topic, queue }) => [id, topic, queue]), gone };
}

/** What is malformed is left out. */
export function readNews(content: Json): QueueNews {
  const { ask, here, gone } = isObject(content) ? content : {};
  return {
    isQuestion: ask === true,
    here: asArray(here).flatMap((seat) => {
      const [id, topic, queue] = asArray(seat);
      return typeof id === "string" && typeof topic === "string" && typeof queue === "string"
        ? [{ id, topic, queue }]
        : [];
    }),
    gone: asArray(gone).filter((id) => typeof id === "string"),
  };
}

function asArray(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
