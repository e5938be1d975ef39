// Sums what members say of the signals that they have received and lost, by topic and the services at both ends. Pure.
import type { SignalTotals } from "../../protocol/bus-figures.ts";
import type { HeardCounts } from "../contract/engine.ts";
import { serviceOf } from "../contract/envelope.ts";
import { createCounted, OTHER } from "./counts.ts";

/** Counts that a member says at a time. */
export const MAX_HEARD = 200;

export interface SignalCounts {
  /** A member says what it has counted since it last did. */
  add(subscriber: string, heard: readonly HeardCounts[]): void;
  totals(): SignalTotals[];
}

export function createSignalCounts(): SignalCounts {
  const counted = createCounted((key): SignalTotals => {
    const [topic = OTHER, publisher = "", subscriber = ""]: string[] = key === OTHER ? [] : JSON.parse(key);
    return { topic, publisher, subscriber, received: 0, lost: 0 };
  });
  return {
    add(subscriber, heard) {
      for (const { topic, publisher, received, lost } of heard) {
        const totals = counted.of(JSON.stringify([topic, serviceOf(publisher), subscriber]));
        totals.received += received;
        totals.lost += lost;
      }
    },
    totals: () => counted.all().map(([, totals]) => totals),
  };
}

/** Of counts that only grow, what is new since the last time, so many of them. @returns A function that finds it. */
export function createHeardNews(counts: () => readonly HeardCounts[]): () => HeardCounts[] {
  const said = new Map<string, HeardCounts>();
  return () => {
    const news: HeardCounts[] = [];
    for (const count of counts()) {
      const { topic, publisher, received, lost } = count;
      const key = `${topic} ${publisher}`;
      const before = said.get(key) ?? { received: 0, lost: 0 };
      // Where it was followed anew, it counts from 0 again.
      const isAnew = received < before.received || lost < before.lost;
      const [newlyReceived, newlyLost] = isAnew ? [received, lost] : [received - before.received, lost - before.lost];
      if (newlyReceived + newlyLost === 0) continue;
      said.set(key, count);
      news.push({ topic, publisher, received: newlyReceived, lost: newlyLost });
      if (news.length === MAX_HEARD) break;
    }
    return news;
  };
}
