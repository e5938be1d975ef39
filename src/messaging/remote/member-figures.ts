// What a member counts of what it sends, handles, serves and hears, since it began. Pure.
import type { BusFigures, GroupTotals } from "../../protocol/bus-figures.ts";
import type { Answer, Delivery, SignalFigures, Verdict } from "../contract/engine.ts";
import { serviceOf } from "../contract/envelope.ts";
import { addDuration, createCounted, createDurations } from "../embedded/counts.ts";

/** What members count; queues are the server's. */
export type MemberFigures = Pick<BusFigures, "groups" | "methods" | "senders" | "signals" | "unrouted" | "calls">;

export interface FiguresOfMember {
  sent(kind: "event" | "call", name: string): void;
  answered(method: string, answer: Answer, durationMs: number): void;
  listens(event: string, group: string, doesListen: boolean): void;
  settled(delivery: Pick<Delivery, "name" | "group">, verdict: Verdict["verdict"], durationMs: number): void;
  /** Taken back before it was settled. */
  lost(delivery: Pick<Delivery, "name" | "group">): void;
  serves(methods: readonly string[], doesServe: boolean): void;
  unrouted(event: string): void;
  figures(heard: SignalFigures["heard"], calls: MemberFigures["calls"]): MemberFigures;
}

const OUTCOMES = { ack: "acked", again: "retried", drop: "dropped", dead: "dead" } as const;
/** How many codes of a method are counted by themselves; a service may throw ever new ones. */
const MAX_CODES = 30;

export function createMemberFigures(src: string): FiguresOfMember {
  const service = serviceOf(src);
  const sent = { event: createCounted(newCount), call: createCounted(newCount) };
  const unrouted = createCounted(newCount);
  const listened = new Set<string>();
  const served = new Set<string>();
  const methods = createCounted(() => ({ codes: createCounted(newCount, MAX_CODES), durations: createDurations() }));
  const groups = createCounted((key): Omit<GroupTotals, "services"> => {
    const [event = key, group = ""] = key.split(SEPARATOR);
    return { event, group, acked: 0, retried: 0, lost: 0, dropped: 0, dead: 0, handling: createDurations() };
  });

  return {
    sent(kind, name) {
      sent[kind].of(name).count += 1;
    },
    answered(method, { failure }, durationMs) {
      const { codes, durations } = methods.of(method);
      codes.of(failure?.code ?? "ok").count += 1;
      addDuration(durations, durationMs);
    },
    listens: (event, group, doesListen) => toggle(listened, groupKey(event, group), doesListen, groups),
    settled({ name, group }, verdict, durationMs) {
      const totals = groups.of(groupKey(name, group));
      totals[OUTCOMES[verdict]] += 1;
      addDuration(totals.handling, durationMs);
    },
    lost({ name, group }) {
      groups.of(groupKey(name, group)).lost += 1;
    },
    serves(names, doesServe) {
      for (const name of names) toggle(served, name, doesServe, methods);
    },
    unrouted(event) {
      unrouted.of(event).count += 1;
    },
    figures: (heard, calls) => ({
      calls,
      groups: groups.all().map(([key, totals]) => ({ ...totals, services: listened.has(key) ? [service] : [] })),
      methods: methods.all().map(([method, { codes, durations }]) => ({
        ...{ method, durations, services: served.has(method) ? [service] : [] },
        codes: Object.fromEntries(codes.all().map(([code, { count }]) => [code, count])),
      })),
      senders: (["event", "call"] as const).flatMap((kind) =>
        sent[kind].all().map(([name, { count }]) => ({ kind, name, service, sent: count })),
      ),
      signals: heard.map(({ publisher, ...counts }) => ({
        ...counts,
        publisher: serviceOf(publisher),
        subscriber: service,
      })),
      unrouted: Object.fromEntries(unrouted.all().map(([event, { count }]) => [event, count])),
    }),
  };
}

const SEPARATOR = " ";

function groupKey(event: string, group: string): string {
  return `${event}${SEPARATOR}${group}`;
}

function newCount() {
  return { count: 0 };
}

/** Notes what is in force, which is counted from 0 on. */
function toggle(set: Set<string>, name: string, isIn: boolean, counted: { of(name: string): unknown }): void {
  counted.of(name);
  if (isIn) set.add(name);
  else set.delete(name);
}
