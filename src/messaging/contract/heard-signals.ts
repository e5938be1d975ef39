// Counts the signals that a subscriber has received and lost, for each topic and publisher. A publisher numbers its signals
// from 1 on each topic and says its totals now and then; so what is missing shows in a gap, or at the end in the totals. A
// number is taken for lost only when everything before it must have arrived. Pure.

import type { HeardCounts } from "./engine.ts";

/** What a publisher says of itself. */
export interface Statement {
  incarnation: string;
  publisher: string;
  /** The last number on each topic; 0 before the first signal. */
  totals: ReadonlyMap<string, number>;
  /** Whether it publishes no more. */
  isLast: boolean;
}

/** A number that a publisher has reached, of which it is not known yet whether it was lost. */
interface Claim {
  life: Life;
  total: number;
}

export interface HeardSignals {
  /** Counts from now on what is published on a topic. */
  follow(topic: string): void;
  unfollow(topic: string): void;
  /** @param publisher - Asked for once in the life of a publisher. */
  hear(topic: string, incarnation: string, sequence: number, publisher: () => string): void;
  state(statement: Statement): void;
  /**
   * What publishers have stated and is not heard yet.
   *
   * @returns A function to call when everything has arrived that was sent before; undefined where nothing is missing.
   */
  missing(): (() => void) | undefined;
  counts(): HeardCounts[];
}

/** One life of a publisher on one topic. */
interface Life {
  topic: string;
  incarnation: string;
  publisher: string;
  /** The last number before those that are counted. */
  before: number;
  /** The highest number that was heard or is known to be lost. */
  highest: number;
  received: number;
  /** The highest number that was stated. */
  stated: number;
  isLast: boolean;
}

/** Lives remembered one by one. Of more, the oldest are taken for ended. */
const MOST_LIVES = 1_000;

export function createHeardSignals(): HeardSignals {
  const followed = new Map<string, Map<string, Life>>();
  const lives = new Set<Life>();
  const ended = new Map<string, HeardCounts>();

  function begin(topic: string, incarnation: string, publisher: string, before: number): Life {
    const life = { topic, incarnation, publisher, before, highest: before, received: 0, stated: before, isLast: false };
    followed.get(topic)?.set(incarnation, life);
    lives.add(life);
    for (const oldest of lives) {
      if (lives.size <= MOST_LIVES) break;
      end(oldest);
    }
    return life;
  }

  function end(life: Life): void {
    lives.delete(life);
    followed.get(life.topic)?.delete(life.incarnation);
    addTo(ended, life);
  }

  function endIfOver(life: Life): void {
    if (life.isLast && life.stated <= life.highest) end(life);
  }

  return {
    follow(topic) {
      if (!followed.has(topic)) followed.set(topic, new Map());
    },
    unfollow(topic) {
      for (const life of followed.get(topic)?.values() ?? []) end(life);
      followed.delete(topic);
    },
    hear(topic, incarnation, sequence, publisher) {
      const lives = followed.get(topic);
      if (lives === undefined) return;
      const life = lives.get(incarnation) ?? begin(topic, incarnation, publisher(), sequence - 1);
      // A statement may overtake signals that were under way when this subscriber began.
      if (life.received === 0 && sequence <= life.before) life.before = life.highest = sequence - 1;
      life.received += 1;
      life.highest = Math.max(life.highest, sequence);
      if (life.isLast) endIfOver(life);
    },
    state({ incarnation, publisher, totals, isLast }) {
      for (const [topic, total] of totals) {
        const lives = followed.get(topic);
        const life = lives?.get(incarnation);
        // A life that ends before anything of it was heard has nothing to count.
        if (lives === undefined || (life === undefined && isLast)) continue;
        const known = life ?? begin(topic, incarnation, publisher, total);
        known.stated = Math.max(known.stated, total);
        known.isLast ||= isLast;
        endIfOver(known);
      }
    },
    missing() {
      const claims: Claim[] = [];
      for (const life of lives) if (life.stated > life.highest) claims.push({ life, total: life.stated });
      if (claims.length === 0) return undefined;
      return () => {
        for (const { life, total } of claims) {
          if (!lives.has(life)) continue;
          life.highest = Math.max(life.highest, total);
          endIfOver(life);
        }
      };
    },
    counts() {
      const sums = new Map([...ended].map(([key, counts]) => [key, { ...counts }]));
      for (const life of lives) addTo(sums, life);
      return [...sums.values()];
    },
  };
}

function addTo(sums: Map<string, HeardCounts>, { topic, publisher, before, highest, received }: Life): void {
  const key = `${topic} ${publisher}`;
  const sum = sums.get(key) ?? { topic, publisher, received: 0, lost: 0 };
  sum.received += received;
  sum.lost += highest - before - received;
  sums.set(key, sum);
}
