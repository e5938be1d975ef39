// Sums what members say of themselves: each says all that it has counted since it began, and the last word of a member that
// has ended stays, so that no sum ever gets smaller. Pure.
import type { BusFigures, Durations } from "../../protocol/bus-figures.ts";
import { createCounted, createDurations } from "../embedded/counts.ts";
import type { MemberFigures } from "./member-figures.ts";

export interface CollectedFigures {
  /** @param life - Of the member. */
  add(life: string, figures: MemberFigures, atMs: number): void;
  /** @param nowMs - Of the clock of `add`. A member that was silent for long is no member any more. */
  sum(nowMs: number): MemberFigures & Pick<BusFigures, "members">;
}

/** Members say something at least every 5 s. */
const SILENT_MS = 15_000;
/** Members whose words are summed at a time. Of further ones it is known that they are there. */
const MAX_LIVES = 1_000;
const MAX_OTHERS = 20_000;

type Word = { figures: MemberFigures; atMs: number };

export function createCollectedFigures(): CollectedFigures {
  /** The member that was silent for longest comes first. */
  const said = new Map<string, Word>();
  /** What members had counted that have ended, where there is no room for the words of each. */
  let past: MemberFigures | undefined;
  /** Members whose words are not summed: there was no room for them, or they are in the past already, and would count twice. */
  const others = new Map<string, { atMs: number; isPast: boolean }>();

  function note(life: string, atMs: number, isPast: boolean): void {
    others.delete(life);
    others.set(life, { atMs, isPast });
    const [oldest] = others.keys();
    if (others.size > MAX_OTHERS && oldest !== undefined) others.delete(oldest);
  }

  /** @returns Whether there is room for one more. */
  function makeRoom(nowMs: number): boolean {
    if (said.size < MAX_LIVES) return true;
    const [[life, word] = []] = said;
    if (life === undefined || word === undefined || nowMs - word.atMs < SILENT_MS) return false;
    said.delete(life);
    note(life, word.atMs, true);
    past = sumOf([...(past === undefined ? [] : [ended(past)]), word], nowMs);
    return true;
  }

  return {
    add(life, figures, atMs) {
      const isPast = others.get(life)?.isPast ?? false;
      if (isPast || (!said.has(life) && !makeRoom(atMs))) return note(life, atMs, isPast);
      others.delete(life);
      said.delete(life);
      said.set(life, { figures, atMs });
    },
    sum(nowMs) {
      const sum = sumOf([...(past === undefined ? [] : [ended(past)]), ...said.values()], nowMs);
      const further = [...others.values()].filter(({ atMs }) => nowMs - atMs < SILENT_MS).length;
      return { ...sum, members: sum.members + further };
    },
  };
}

function ended(figures: MemberFigures): Word {
  return { figures, atMs: Number.NEGATIVE_INFINITY };
}

function sumOf(words: Iterable<Word>, nowMs: number): MemberFigures & Pick<BusFigures, "members"> {
  const groups = createCounted(() => ({ acked: 0, retried: 0, lost: 0, dropped: 0, dead: 0, ...newSum() }));
  const methods = createCounted(() => ({ codes: new Map<string, number>(), ...newSum() }));
  const senders = createCounted(() => ({ sent: 0 }));
  const signals = createCounted(() => ({ received: 0, lost: 0 }));
  const unrouted = createCounted(() => ({ count: 0 }));
  const calls = { waiting: 0, running: 0 };
  let members = 0;
  for (const { figures, atMs } of words) {
    const isThere = nowMs - atMs < SILENT_MS;
    if (isThere) {
      members += 1;
      calls.waiting += figures.calls.waiting;
      calls.running += figures.calls.running;
    }
    const there = (services: readonly string[]) => (isThere ? services : []);
    for (const { event, group, handling, services, ...outcomes } of figures.groups) {
      const sum = groups.of(JSON.stringify([event, group]));
      for (const outcome of ["acked", "retried", "lost", "dropped", "dead"] as const) sum[outcome] += outcomes[outcome];
      addTo(sum, handling, there(services));
    }
    for (const { method, codes, durations, services } of figures.methods) {
      const sum = methods.of(method);
      for (const [code, count] of Object.entries(codes)) sum.codes.set(code, (sum.codes.get(code) ?? 0) + count);
      addTo(sum, durations, there(services));
    }
    for (const { kind, name, service, sent } of figures.senders)
      senders.of(JSON.stringify([kind, name, service])).sent += sent;
    for (const { topic, publisher, subscriber, received, lost } of figures.signals) {
      const sum = signals.of(JSON.stringify([topic, publisher, subscriber]));
      sum.received += received;
      sum.lost += lost;
    }
    for (const [event, count] of Object.entries(figures.unrouted)) unrouted.of(event).count += count;
  }
  return {
    members,
    calls,
    groups: groups.all().map(([key, { durations: handling, services, ...outcomes }]) => {
      const [event = key, group = ""] = partsOf(key);
      return { event, group, ...outcomes, handling, services: [...services] };
    }),
    methods: methods.all().map(([method, { codes, durations, services }]) => ({
      ...{ method, durations, codes: Object.fromEntries(codes), services: [...services] },
    })),
    senders: senders.all().map(([key, { sent }]) => {
      const [kind = "", name = key, service = ""] = partsOf(key);
      return { kind: kind === "call" ? "call" : "event", name, service, sent };
    }),
    signals: signals.all().map(([key, counts]) => {
      const [topic = key, publisher = "", subscriber = ""] = partsOf(key);
      return { topic, publisher, subscriber, ...counts };
    }),
    unrouted: Object.fromEntries(unrouted.all().map(([event, { count }]) => [event, count])),
  };
}

interface Sum {
  durations: Durations;
  services: Set<string>;
}

function newSum(): Sum {
  return { durations: createDurations(), services: new Set() };
}

function addTo(sum: Sum, { counts, sum_ms }: Durations, services: readonly string[]): void {
  sum.durations.sum_ms += sum_ms;
  for (const [bucket, count] of counts.entries())
    sum.durations.counts[bucket] = (sum.durations.counts[bucket] ?? 0) + count;
  for (const service of services) sum.services.add(service);
}

/** Of a key of several names; none where all other names are counted together. */
function partsOf(key: string): string[] {
  return key.startsWith("[") ? JSON.parse(key) : [];
}
