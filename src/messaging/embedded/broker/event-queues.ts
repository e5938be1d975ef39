// The queues of the broker: which group gets an event, which of its members has it, and what becomes of it. Decides alone:
// it returns nothing but tells its outlet what to deliver and which changes to keep. Time is an argument. Pure.

import { ZcontextError } from "../../../errors.ts";
import type { GroupTotals, QueueFigures } from "../../../protocol/bus-figures.ts";
import type { FromBroker, QueueKey, Settlement } from "../operations.ts";
import type { GroupQueue, Held } from "./group-queue.ts";
import { createGroups } from "./groups.ts";
import { createLetters, type Letters } from "./letters.ts";
import { createProgress, noteMark } from "./progress.ts";
import { createRecentIds } from "./recent-ids.ts";
import { type Remains, SETTLED, type Write } from "./store.ts";
import { createUnwanted, type Waiting } from "./unwanted.ts";

/** How much the queues may hold. */
export interface QueueLimits {
  /** Events of a group, whatever their state. Default 100_000. */
  queueLength: number;
  /** Bytes of a group's events. Default 256 MiB. */
  queueBytes: number;
  /** How long an event that no group has ever wanted is held, in milliseconds. Default 10_000. */
  holdMs: number;
  /** Such events. Default 10_000. */
  heldLength: number;
  /** Dead letters. Default 10_000. */
  letters: number;
  /** How long a dead letter is kept, in milliseconds. Default 7 days. */
  letterMs: number;
}

export const QUEUE_LIMITS: QueueLimits = {
  queueLength: 100_000,
  queueBytes: 256 * 2 ** 20,
  holdMs: 10_000,
  heldLength: 10_000,
  letters: 10_000,
  letterMs: 7 * 24 * 3600 * 1000,
};

const TOTAL_OF = { ack: "acked", again: "retried", drop: "dropped", dead: "dead" } as const;

/** An event that a member is given. */
export type Given = Extract<FromBroker, { op: "deliver" }>;

/** What the queues do to the world. */
export interface QueueOutlet {
  deliver(member: string, given: Given, body: Buffer): void;
  /** False while deliveries are held back: until the members of a former broker are back. */
  mayDeliver(): boolean;
  /** Keeps a change; those of one operation are told without a pause. */
  keep(write: Write): void;
  bodyOf(seq: number): Buffer;
  letterBody(id: string): Buffer;
  /** An event that no group has wanted in time. */
  unrouted(event: string, n: Waiting | undefined): void;
  /** An event that was waited for now has a group. */
  routed(n: Waiting): void;
}

export interface EventQueues {
  /**
   * Decides about a new event and keeps it. `enqueue` puts it into its queues once the store has it; `withdraw` forgets one
   * that the store could not take.
   *
   * @throws {ZcontextError} `ERR_OVERLOADED`.
   */
  accept(event: NewEvent, body: Buffer, waiting: Waiting | undefined, nowMs: number): Accepted;
  enqueue(accepted: Accepted, nowMs: number): void;
  withdraw(accepted: Accepted): void;
  /** Lets go of the batch that the event came in, once what could be delivered is. */
  release(accepted: Accepted): void;
  /** Delivers what members have room for. Called once the store has what was kept, since bodies come from there. */
  pump(nowMs: number): void;
  listen(member: string, membership: { event: string; group: string; prefetch: number }, nowMs: number): void;
  unlisten(member: string, membership: { event: string; group: string }): void;
  /** A member has an event of a former broker. */
  holds(member: string, key: QueueKey & { attempt: number }): void;
  /** Has no effect where the member does not have this attempt. */
  settle(member: string, key: QueueKey & { attempt: number }, settlement: Settlement, nowMs: number): void;
  /** Gives the events of a member to others, as a further attempt. */
  lose(member: string): void;
  /** Makes ready what has become due, and gives up what no group has wanted. */
  advance(nowMs: number): void;
  figures(nowMs: number): QueueFigures[];
  /** @param serviceOf - The service of a member. */
  totals(serviceOf: (member: string) => string): GroupTotals[];
  readonly letters: Letters;
  /** Gives dead letters to their groups again, as a first attempt. @returns How many there were. */
  replay(ids: readonly string[], nowMs: number): number;
}

/** An event that has been decided about. */
export interface Accepted {
  /** Undefined where the same event is there already. */
  held: Held | undefined;
  isRouted: boolean;
  waiting: Waiting | undefined;
}

export interface NewEvent {
  event: string;
  /** Of its envelope. */
  id: string;
  /** How many bytes of the body are the envelope. */
  head: number;
}

/** The epoch of `seq`: 2020-01-01, so that numbers last until 2089. */
const SEQ_EPOCH_MS = 1_577_836_800_000;
const SEQS_PER_MS = 4_096;

/**
 * Where numbers begin. A number is never used twice, not even for an event that is long forgotten: a member may still settle
 * that one, and would settle another event. So they begin with the time, which grows faster than they do.
 */
function firstSeqAt(nowMs: number): number {
  return Math.max(0, Math.floor(nowMs - SEQ_EPOCH_MS)) * SEQS_PER_MS;
}

/** Creates the queues from what a former broker has left. */
export function createEventQueues(
  outlet: QueueOutlet,
  remains: Remains,
  nowMs: number,
  limits: QueueLimits = QUEUE_LIMITS,
): EventQueues {
  const groups = createGroups(remains.groups);
  const { begin, nextAttempt, settle, forget } = createProgress(outlet.keep);
  const unwanted = createUnwanted(limits.holdMs);
  const letters = createLetters(outlet, remains.letters, limits);
  const known = createRecentIds();
  let lastSeq = firstSeqAt(nowMs);
  restore();

  function restore(): void {
    const marks = new Map<string, { attempt: number; firstAt: number }>();
    for (const { key, ...mark } of remains.marks) marks.set(`${key.g} ${key.seq}`, mark);
    for (const { seq, event, id, at, head, groups: wanted, size } of remains.events) {
      const held = newHeld(seq, { event, id, head }, size);
      known.add(id);
      if (wanted.length === 0) unwanted.add(held, undefined, at);
      for (const g of wanted) {
        const mark = marks.get(`${g} ${seq}`);
        if (mark !== undefined) noteMark(held, g);
        const { attempt, firstAt } = mark ?? { attempt: 1, firstAt: 0 };
        const queue = groups.get(g);
        if (queue !== undefined && attempt !== SETTLED) begin(queue, { held, attempt, firstAt });
      }
    }
  }

  function newHeld(seq: number, { event, id, head }: NewEvent, size: number): Held {
    lastSeq = Math.max(lastSeq, seq);
    return {
      seq,
      event,
      id,
      head,
      size,
      body: undefined,
      open: 0,
      marked: undefined,
    };
  }

  const bodyOf = ({ seq, body }: Held) => body ?? outlet.bodyOf(seq);

  return {
    letters,
    accept({ event, id, head }, body, waiting, nowMs) {
      const { queues: wanted, groups: numbers } = groups.wanting(event);
      const isRouted = wanted.length > 0;
      if (known.has(id)) return { isRouted, held: undefined, waiting };
      for (const queue of wanted) refuseWhereFull(queue, body.length, limits);
      if (!isRouted && unwanted.size >= limits.heldLength)
        throw new ZcontextError(
          "ERR_OVERLOADED",
          `no group listens to ${event}; ${unwanted.size} such events are held`,
        );
      const held = newHeld(lastSeq + 1, { event, id, head }, body.length);
      held.body = body;
      known.add(id);
      outlet.keep({ put: "event", value: { seq: held.seq, event, id, at: nowMs, head, groups: numbers, body } });
      return { isRouted, held, waiting };
    },
    enqueue({ held, waiting }, nowMs) {
      if (held === undefined) return;
      const { queues: wanted } = groups.wanting(held.event);
      if (wanted.length === 0) unwanted.add(held, waiting, nowMs);
      for (const queue of wanted) begin(queue, { held, attempt: 1, firstAt: 0 });
    },
    withdraw({ held }) {
      if (held !== undefined) known.remove(held.id);
    },
    release({ held }) {
      if (held !== undefined) held.body = undefined;
    },
    pump(nowMs) {
      if (!outlet.mayDeliver()) return;
      for (const queue of groups.all()) {
        for (let given = queue.next(nowMs); given !== undefined; given = queue.next(nowMs)) {
          const { held, attempt, firstAt } = given.entry;
          const { g, event, group } = queue;
          const { seq, head } = held;
          const body = bodyOf(held);
          const { length: size } = body;
          outlet.deliver(given.member, { op: "deliver", g, seq, event, group, attempt, firstAt, head, size }, body);
        }
      }
    },
    listen(member, { event, group, prefetch }, nowMs) {
      const queue = groups.of(event, group);
      if (queue.length === 0) outlet.keep({ put: "group", value: { g: queue.g, event, group } });
      for (const { held, waiting } of unwanted.takeFor(event)) {
        begin(queue, { held, attempt: 1, firstAt: 0 });
        const { seq, id, head } = held;
        const value = { seq, event, id, at: nowMs, head, groups: [queue.g], body: bodyOf(held) };
        outlet.keep({ put: "event", value });
        if (waiting !== undefined) outlet.routed(waiting);
      }
      queue.join(member, prefetch);
    },
    unlisten: (member, { event, group }) => groups.find(event, group)?.leave(member),
    holds: (member, { g, seq }) => groups.get(g)?.assign(member, seq),
    settle(member, { g, seq, attempt }, settlement, nowMs) {
      const queue = groups.get(g);
      const entry = queue?.take(member, seq, attempt, nowMs);
      if (queue === undefined || entry === undefined) return;
      queue.totals[TOTAL_OF[settlement.verdict]] += 1;
      if (settlement.verdict === "again") return queue.putBack(nextAttempt(queue, entry), nowMs + settlement.delayMs);
      if (settlement.verdict === "dead") letters.add(queue, entry, settlement, nowMs);
      settle(queue, entry);
    },
    lose(member) {
      for (const queue of groups.all()) {
        // Backwards, since each is put before the others.
        for (const entry of queue.lose(member).toReversed()) queue.putBack(nextAttempt(queue, entry));
      }
    },
    advance(nowMs) {
      for (const queue of groups.all()) queue.advance(nowMs);
      for (const { held, waiting } of unwanted.takeDue(nowMs)) {
        forget(held);
        outlet.unrouted(held.event, waiting);
      }
      letters.expire(nowMs);
    },
    figures: (nowMs) => groups.figures(letters.countOf, nowMs),
    totals: groups.totals,
    replay(ids, nowMs) {
      const found = ids.flatMap((id) => letters.take(id) ?? []);
      for (const { g, event, event_id: id, head, body } of found) {
        const held = newHeld(lastSeq + 1, { event, id, head }, body.length);
        outlet.keep({ put: "event", value: { seq: held.seq, event, id, at: nowMs, head, groups: [g], body } });
        const queue = groups.get(g);
        if (queue !== undefined) begin(queue, { held, attempt: 1, firstAt: 0 });
      }
      return found.length;
    },
  };
}

function refuseWhereFull({ event, group, length, bytes }: GroupQueue, size: number, limits: QueueLimits): void {
  if (length < limits.queueLength && bytes + size <= limits.queueBytes) return;
  const full = `the queue of ${event} for group ${group} is full: ${length} events, ${bytes} bytes`;
  throw new ZcontextError("ERR_OVERLOADED", full, {
    hint: "Emit again later, add members to the group, or look at `context-bus queues`.",
  });
}
