// The queue of one group: events that are ready, delayed, or with one of its members. Pure.
import { createNumberMap } from "../../../number-map.ts";
import type { GroupTotals, QueueFigures } from "../../../protocol/bus-figures.ts";
import { addDuration, createDurations } from "../counts.ts";
import { createDelays } from "./delays.ts";
import { createDeque } from "./deque.ts";
import type { Group } from "./store.ts";

/** An event that is kept: for its groups, or until one comes. */
export interface Held {
  seq: number;
  event: string;
  /** Of its envelope. */
  id: string;
  /** How many bytes of the body are the envelope. */
  head: number;
  size: number;
  /** Undefined where the body is in the store alone. */
  body: Buffer | undefined;
  /** How many groups have not settled it. */
  open: number;
  /** Groups of which the store has a mark. */
  marked: number[] | undefined;
}

/** An event in the queue of a group. */
export interface Entry {
  held: Held;
  attempt: number;
  /** When a member first had it, in milliseconds of the epoch; 0 before that. */
  firstAt: number;
}

interface Member {
  id: string;
  /** 0 for a member that settles what it has and gets no more. */
  prefetch: number;
  /** How many events it has. */
  has: number;
}

export interface GroupQueue extends Group {
  readonly length: number;
  readonly bytes: number;
  put(entry: Entry): void;
  /** Puts an event back that is tried again: before all others, or once it is due. */
  putBack(entry: Entry, dueMs?: number): void;
  /** Makes ready what has become due. */
  advance(nowMs: number): void;
  /** Assigns the next event to the member with the most room; undefined when none is ready or has room. */
  next(nowMs: number): { member: string; entry: Entry } | undefined;
  /** The member takes part, with room for so many events. */
  join(member: string, prefetch: number): void;
  /** The member gets no more. */
  leave(member: string): void;
  /** Assigns an event that is ready to a member that has it from a former broker. */
  assign(member: string, seq: number): void;
  /** Takes an event from its member; undefined where the member does not have this attempt. */
  take(member: string, seq: number, attempt: number, nowMs: number): Entry | undefined;
  /** The group is done with an event that was taken. */
  drop(entry: Entry): void;
  /** Removes a member. @returns What it had, in the order of its arrival. */
  lose(member: string): Entry[];
  figures(dead: number, nowMs: number): QueueFigures;
  readonly totals: Totals;
  /** Those that take part. */
  members(): string[];
}

/** What has become of its events; what decides about one counts it here. */
export type Totals = Omit<GroupTotals, "event" | "group" | "services">;

/** How long nothing may be settled while events wait for members, in milliseconds; twice the longest handling if that is more. */
const STALL_MS = 30_000;
/** A rate is the mean of at least so many milliseconds. */
const RATE_MS = 1_000;

export function createGroupQueue({ g, event, group }: Group): GroupQueue {
  const ready = createDeque<Entry>();
  const delayed = createDelays<Entry>();
  const inFlight = createNumberMap<{ entry: Entry; member: Member; givenMs: number }>();
  const members = new Map<string, Member>();
  let bytes = 0;
  let taken = 0;
  let longestMs = 0;
  const totals: Totals = { acked: 0, retried: 0, lost: 0, dropped: 0, dead: 0, handling: createDurations() };
  let quiet = { sinceMs: 0, taken: -1 };
  let settled = 0;
  let rate = { atMs: 0, settled: 0, perSecond: 0 };

  function give(member: Member, entry: Entry, givenMs: number): void {
    inFlight.set(entry.held.seq, { entry, member, givenMs });
    member.has += 1;
  }

  const taking = () => [...members.values()].filter(({ prefetch }) => prefetch > 0);

  /** For how long nothing was settled while events wait for members; undefined while that is nothing unusual. */
  function stalledMs(nowMs: number): number | undefined {
    if (ready.length === 0 || taking().length === 0 || quiet.taken !== taken) quiet = { sinceMs: nowMs, taken };
    const quietMs = nowMs - quiet.sinceMs;
    return quietMs > Math.max(STALL_MS, 2 * longestMs) ? quietMs : undefined;
  }

  function mostRoom(): Member | undefined {
    let best: Member | undefined;
    for (const member of members.values()) {
      if (member.has < member.prefetch && (best === undefined || member.has < best.has)) best = member;
    }
    return best;
  }

  return {
    ...{ g, event, group },
    get length() {
      return ready.length + delayed.length + inFlight.size;
    },
    get bytes() {
      return bytes;
    },
    put(entry) {
      bytes += entry.held.size;
      ready.push(entry);
    },
    putBack(entry, dueMs) {
      if (dueMs === undefined) ready.unshift(entry);
      else delayed.add(dueMs, entry);
    },
    advance(nowMs) {
      for (let due = delayed.shift(nowMs); due !== undefined; due = delayed.shift(nowMs)) ready.push(due);
    },
    next(nowMs) {
      const member = ready.length > 0 ? mostRoom() : undefined;
      const entry = member && ready.shift();
      if (member === undefined || entry === undefined) return undefined;
      entry.firstAt ||= nowMs;
      give(member, entry, nowMs);
      return { member: member.id, entry };
    },
    join(id, prefetch) {
      const member = members.get(id);
      if (member === undefined) members.set(id, { id, prefetch, has: 0 });
      else member.prefetch = prefetch;
    },
    leave(id) {
      const member = members.get(id);
      if (member !== undefined) member.prefetch = 0;
    },
    assign(id, seq) {
      const entry = ready.remove(({ held }) => held.seq === seq);
      if (entry === undefined) return;
      // Its listen comes after its hello.
      const member = members.get(id) ?? { id, prefetch: 0, has: 0 };
      members.set(id, member);
      give(member, entry, entry.firstAt);
    },
    take(id, seq, attempt, nowMs) {
      const delivery = inFlight.get(seq);
      if (delivery?.member.id !== id || delivery.entry.attempt !== attempt) return undefined;
      inFlight.delete(seq);
      delivery.member.has -= 1;
      taken += 1;
      const handledMs = nowMs - delivery.givenMs;
      longestMs = Math.max(longestMs, handledMs);
      addDuration(totals.handling, handledMs);
      return delivery.entry;
    },
    drop({ held }) {
      bytes -= held.size;
      settled += 1;
    },
    lose(id) {
      if (!members.has(id)) return [];
      const had = inFlight.values().flatMap(({ entry, member }) => (member.id === id ? [entry] : []));
      had.sort((one, other) => one.held.seq - other.held.seq);
      members.delete(id);
      for (const { held } of had) inFlight.delete(held.seq);
      totals.lost += had.length;
      return had;
    },
    totals,
    members: () => taking().map(({ id }) => id),
    figures(dead, nowMs) {
      const pastMs = nowMs - rate.atMs;
      if (pastMs >= RATE_MS) {
        const perSecond = rate.atMs === 0 ? 0 : ((settled - rate.settled) * 1_000) / pastMs;
        rate = { atMs: nowMs, settled, perSecond };
      }
      const stalled = stalledMs(nowMs);
      return {
        ...{ event, group, ready: ready.length, in_flight: inFlight.size, delayed: delayed.length, dead },
        members: taking().length,
        rate_per_s: rate.perSecond,
        ...(stalled !== undefined && { stalled_s: Math.round(stalled / 1_000) }),
      };
    },
  };
}
