// Stores what a handler asks for that can't settle an event now: another attempt after a delay, or its place among the dead
// letters. Only then the event leaves the queue of its group.
import { setTimeout as pause } from "node:timers/promises";
import type { Message } from "amqplib";
import type { Verdict } from "../../../contract/engine.ts";
import type { Declarations } from "../server/declarations.ts";
import type { Publication } from "../server/publisher.ts";
import type { Storing } from "../server/storing.ts";
import { type GroupPlaces, placesOfDelay, SHORTEST_DELAY_MS, TO_QUEUE } from "../server/topology.ts";
import { type EventHead, propertiesAfter } from "./event-message.ts";
import { deathHeaders } from "./letter-message.ts";

export interface Settling {
  carryOut(message: Message, verdict: Verdict, head: EventHead, places: GroupPlaces): Promise<void>;
  /** How many events of a group were rejected here and are not due yet. */
  delayedOf(places: GroupPlaces): number;
}

/** @param nowMs - The time of the epoch. */
export function createSettling(storing: Storing, declarations: Declarations, nowMs: () => number): Settling {
  /** When events of each queue come back. */
  const due = new Map<string, number[]>();

  const notDueYet = (queue: string) => (due.get(queue) ?? []).filter((dueMs) => dueMs > nowMs());

  function bury(letter: Omit<Publication, "exchange" | "key">, { dead }: GroupPlaces): Promise<void> {
    return storing.store({ ...letter, exchange: TO_QUEUE, key: dead.queue }, () => declarations.keepOnce(dead));
  }

  async function delay(
    again: Omit<Publication, "exchange" | "key">,
    delayMs: number,
    { main: { queue } }: GroupPlaces,
  ): Promise<void> {
    due.set(queue, [...notDueYet(queue), nowMs() + delayMs]);
    if (delayMs < SHORTEST_DELAY_MS) {
      await pause(delayMs);
      return storing.store({ ...again, exchange: TO_QUEUE, key: queue });
    }
    const { exchange, delayed } = placesOfDelay(delayMs);
    return storing.store({ ...again, exchange, key: queue }, () => declarations.exchangeOnce(exchange, delayed));
  }

  return {
    delayedOf: ({ main }) => notDueYet(main.queue).length,
    async carryOut({ content: body, properties }, verdict, head, places) {
      if (verdict.verdict === "dead")
        return bury({ body, properties: propertiesAfter(properties, head, deathHeaders(verdict, nowMs())) }, places);
      if (verdict.verdict !== "again") return;
      const next = propertiesAfter(properties, { ...head, attempt: head.attempt + 1 });
      return delay({ body, properties: next }, verdict.delayMs, places);
    },
  };
}
