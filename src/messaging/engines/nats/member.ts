// A member of a group: it asks the server for as many events as it has room for, tells it that it is at work, and says what
// becomes of each. It consumes again by itself when the server comes back, has lost the group, or falls silent.
import type { Msg } from "@nats-io/transport-node";
import { reasonOf, type ZcontextError } from "../../../errors.ts";
import { createNumberMap } from "../../../number-map.ts";
import type { Delivery, Membership, Verdict } from "../../contract/engine.ts";
import { readPlace } from "./delivery-place.ts";
import { type EventHead, readEventHead } from "./event-message.ts";
import { passingReason } from "./faults.ts";
import { makeGroup } from "./group.ts";
import { HeldDelivery } from "./held-delivery.ts";
import type { Letters } from "./letters.ts";
import type { Link, Session } from "./link.ts";
import { consumerOf, placesOf } from "./names.ts";
import { bufferOf } from "./post.ts";
import { createPull } from "./pull.ts";
import { ACK, again, NEVER, type Settlements } from "./settlements.ts";
import type { Streams } from "./streams.ts";

export interface MemberOptions {
  link: Link;
  streams: Streams;
  settlements: Settlements;
  letters: Letters;
  membership: Membership;
  handler(delivery: Delivery): void;
  random(digits: number): string;
  nowMs(): number;
}

export interface Member {
  readonly membership: Membership;
  /** Resolves when the group exists: it gets what is emitted from then on. */
  join(): Promise<void>;
  up(): void;
  /** Looks whether the server still gives. */
  beat(): void;
  /** Says of each event that it is being handled. */
  extend(): void;
  /** The server has given all of it to others. */
  loseAll(error: ZcontextError): void;
  /** Other members get all of it at once. */
  giveBackAll(error: ZcontextError): void;
  /** Gets nothing further. What it has is still settled. */
  close(): Promise<void>;
  readonly figures: MemberFigures;
  /** It gets nothing further, and has settled all. */
  readonly isDone: boolean;
  /** Why nothing is consumed, while the server is there. */
  readonly trouble: string | undefined;
}

export interface MemberFigures {
  event: string;
  group: string;
  /** Events that it has given back, and that are not due yet. */
  delayed: number;
  rate_per_s: number;
}

const RATE_MS = 1_000;
/** Between two attempts to consume again, in milliseconds. */
const AGAIN_MS = 1_000;

export function createMember(options: MemberOptions): Member {
  const { link, settlements, letters, membership, handler, random, nowMs } = options;
  const { name, group, prefetch } = membership;
  const { stream } = placesOf(name);
  const consumer = consumerOf(name, group);
  const held = createNumberMap<HeldDelivery>();
  let delayed: number[] = [];
  let trouble: string | undefined;
  let state: "new" | "consuming" | "joining" | "closed" = "new";
  let settled = 0;
  let rate = { atMs: nowMs(), settled: 0, perSecond: 0 };
  const pull = createPull({
    ...{ link, stream, consumer, most: prefetch, nowMs, count: () => held.size },
    onEvent: take,
    onFault: (reason) => void rejoin(reason),
  });

  function take({ headers, subject, data, reply = "" }: Msg): void {
    const { attempt, seq, storedMs } = readPlace(reply);
    if (state === "closed") return settlements.say(reply, again(0));
    const before = held.get(seq);
    if (before !== undefined) {
      // The server believes that this member has lost it, and gives it again.
      before.reply = reply;
      return settlements.working(reply);
    }
    const body = bufferOf(data);
    const firstAt = attempt === 1 ? Date.now() : storedMs;
    const hold = (head: EventHead) => {
      const delivery = new HeldDelivery({ reply, seq, group, attempt, firstAt }, head, body, settle);
      held.set(seq, delivery);
      return delivery;
    };
    try {
      const arrival = { subject, body, id: `${stream}-${seq}`, atMs: storedMs, random };
      const head = readEventHead(headers, () => arrival);
      if (head.only !== undefined && head.only !== group) return settlements.say(reply, ACK);
      handler(hold(head));
    } catch (error) {
      const envelope = { id: `${stream}-${seq}`, src: "", sent: storedMs, session_id: "", traceparent: "" };
      hold({ name, envelope }).settle(malformed(error));
    }
  }

  function settle(delivery: HeldDelivery, verdict: Verdict): void {
    if (held.get(delivery.seq) !== delivery) return;
    if (verdict.verdict === "dead") return void bury(delivery, verdict);
    held.delete(delivery.seq);
    if (verdict.verdict === "again") {
      if (verdict.delayMs > 0) delayed.push(nowMs() + verdict.delayMs);
      settlements.say(delivery.reply, again(verdict.delayMs));
    } else {
      settled += 1;
      settlements.say(delivery.reply, verdict.verdict === "ack" ? ACK : NEVER);
    }
    pull.ask();
  }

  async function bury(delivery: HeldDelivery, verdict: Extract<Verdict, { verdict: "dead" }>): Promise<void> {
    const { name: event, envelope, body, attempt: attempts, firstAt: firstMs, seq } = delivery;
    const id = `${stream} ${consumer} ${seq}`;
    try {
      await letters.bury({ head: { name: event, envelope }, group, body, attempts, firstMs, id }, verdict);
      settled += 1;
      settlements.say(delivery.reply, NEVER);
    } catch {
      // It could not be kept, so the event is not settled: it comes again, and becomes a dead letter then.
    }
    held.delete(seq);
    pull.ask();
  }

  /** Makes sure of the group and begins anew; tries for as long as it takes. */
  async function rejoin(reason: string): Promise<void> {
    if (state !== "consuming") return;
    state = "joining";
    const say = (why: string) => {
      trouble = `group ${group} of ${name} gets nothing: ${why}`;
    };
    say(reason);
    while (isJoining()) {
      try {
        begin(await makeGroup({ ...options, name, group }));
      } catch (error) {
        say(passingReason(error));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  function isJoining(): boolean {
    return state === "joining";
  }

  function begin(session: Session): void {
    if (state === "closed") return;
    state = "consuming";
    trouble = undefined;
    pull.begin(session);
  }

  return {
    membership,
    join: async () => begin(await makeGroup({ ...options, name, group })),
    up: () => void rejoin("the connection was lost"),
    beat() {
      const now = nowMs();
      delayed = delayed.filter((dueMs) => dueMs > now);
      if (state === "consuming") pull.beat();
    },
    extend() {
      for (const { reply } of held.values()) settlements.working(reply);
    },
    loseAll(error) {
      for (const delivery of held.values()) delivery.lose(error);
      held.clear();
      pull.ask();
    },
    giveBackAll(error) {
      for (const delivery of held.values().sort((one, other) => one.seq - other.seq)) {
        settlements.say(delivery.reply, again(0));
        delivery.lose(error);
      }
      held.clear();
    },
    close() {
      state = "closed";
      return pull.stop();
    },
    get figures() {
      const now = nowMs();
      const pastMs = now - rate.atMs;
      if (pastMs >= RATE_MS) rate = { atMs: now, settled, perSecond: ((settled - rate.settled) * 1_000) / pastMs };
      const { length } = delayed.filter((dueMs) => dueMs > now);
      return { event: name, group, delayed: length, rate_per_s: rate.perSecond };
    },
    get isDone() {
      return state === "closed" && held.size === 0;
    },
    get trouble() {
      return trouble;
    },
  };
}

function malformed(error: unknown): Verdict {
  const failure = {
    code: "ERR_MESSAGE_MALFORMED",
    message: reasonOf(error),
    retryable: false,
    executed: "no",
  } as const;
  return { verdict: "dead", reason: "malformed", failure, handler: "" };
}
