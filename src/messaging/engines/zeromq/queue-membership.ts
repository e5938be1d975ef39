// What the subscribers of queues in this process say to those in others, so that all agree on whose turn a signal is. Whose
// turn it is, queue-seats.ts decides.
import { setTimeout as pause } from "node:timers/promises";
import { type Deferred, deferred } from "../../../deferred.ts";
import { createQueueSeats, type Seat } from "./queue-seats.ts";
import type { QueueNews } from "./signal-topics.ts";

export interface QueueMembership {
  /**
   * Resolves when the others know of the new seat.
   *
   * @param onSeat - Called with it just before they do.
   */
  join(topic: string, queue: string, onSeat: (seat: Seat) => void): Promise<void>;
  /** Resolves when the others know, or after a second. */
  leave(seat: Seat): Promise<void>;
  /** Gets all news, in their order among the signals. */
  hear(news: QueueNews): void;
  isTurnOf(seat: Seat, signal: number): boolean;
  end(): void;
}

/** How often a subscriber says that it is there, in milliseconds. */
const BEAT_MS = 1_000;
/** The silence after which others take its place, in milliseconds. */
const SILENCE_MS = 5_000;
/** How long the others may take to say that they are there, in milliseconds. */
const ANSWER_MS = 200;
const LEAVE_MS = 1_000;

/**
 * @param incarnation - Unique among all processes.
 * @param say - Publishes news, for this process as well.
 */
export function createQueueMembership(incarnation: string, say: (news: Partial<QueueNews>) => void): QueueMembership {
  const seats = createQueueSeats();
  const own = new Map<string, Seat>();
  const taken = new Map<string, Deferred<void>>();
  const left = new Map<string, Deferred<void>>();
  let count = 0;
  let lastBeatMs = performance.now();
  let beating: NodeJS.Timeout | undefined;

  const sayHere = () => say({ here: [...own.values()] });

  function beat(): void {
    const nowMs = performance.now();
    // This process was halted or its loop was blocked: what the others said meanwhile has not been read yet.
    if (nowMs - lastBeatMs > 2 * BEAT_MS) seats.forgive(nowMs);
    lastBeatMs = nowMs;
    sayHere();
    const gone = seats.silentSince(nowMs - SILENCE_MS).filter((id) => !own.has(id));
    if (gone.length > 0) say({ gone });
  }

  return {
    async join(topic, queue, onSeat) {
      // Those that are there say so before this one takes its seat: from its first signal on it knows them all.
      say({ isQuestion: true });
      await pause(ANSWER_MS);
      count += 1;
      const seat = { id: `${incarnation}.${count}`, topic, queue };
      const known = deferred();
      taken.set(seat.id, known);
      own.set(seat.id, seat);
      onSeat(seat);
      beating ??= setInterval(beat, BEAT_MS).unref();
      sayHere();
      await known.promise;
    },
    async leave({ id }) {
      const known = deferred();
      left.set(id, known);
      own.delete(id);
      say({ gone: [id] });
      const late = setTimeout(known.resolve, LEAVE_MS);
      await known.promise;
      clearTimeout(late);
      left.delete(id);
      seats.leave(id);
    },
    hear({ isQuestion, here, gone }) {
      const nowMs = performance.now();
      for (const seat of here) {
        seats.take(seat, nowMs);
        taken.get(seat.id)?.resolve();
        taken.delete(seat.id);
      }
      for (const id of gone) {
        seats.leave(id);
        left.get(id)?.resolve();
      }
      // Another one took this process for gone, since it was silent for long.
      if (own.size > 0 && (isQuestion || gone.some((id) => own.has(id)))) sayHere();
    },
    isTurnOf: ({ id, topic, queue }, signal) => seats.turnOf(topic, queue, signal) === id,
    end() {
      clearInterval(beating);
      for (const { resolve } of left.values()) resolve();
      if (own.size > 0) say({ gone: [...own.keys()] });
      own.clear();
    },
  };
}
