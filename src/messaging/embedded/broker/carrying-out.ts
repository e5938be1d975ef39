// Which part of the broker carries an operation out, and what its member is told at once. Pure.
import type { Item, ToBroker } from "../operations.ts";
import { MAX_HEARD, type SignalCounts } from "../signal-counts.ts";
import type { Taps } from "../taps.ts";
import type { Emissions } from "./emissions.ts";
import type { EventQueues } from "./event-queues.ts";
import type { Connected, Members } from "./members.ts";
import type { MethodCalls } from "./method-calls.ts";
import { createMethodNames } from "./method-names.ts";

/** What a tap gets: of the body, the first `head` bytes are the envelope. */
export interface TappedCopy {
  kind: "event" | "call";
  name: string;
  head: number;
  body: Buffer;
}

/** The parts of a broker. */
export interface Parts {
  members: Members;
  emissions: Emissions;
  queues: EventQueues;
  calls: MethodCalls;
  taps: Taps<TappedCopy>;
  signals: SignalCounts;
  /** Gives up a member. */
  lose(member: string, nowMs: number): void;
  /** Keeps and answers all that was emitted so far. */
  conclude(nowMs: number): void;
}

export type CarryOut = (member: Connected, item: Item<ToBroker>, nowMs: number) => void;

/** @returns A function that carries an operation of a member out. It throws a ZcontextError where that can't be done. */
export function createCarryOut(parts: Parts): CarryOut {
  const { members, emissions, queues, calls, taps, signals } = parts;
  const nameOf = createMethodNames();
  const { tell } = members;

  return (member, { operation, body }, atMs) => {
    const { id } = member;
    switch (operation.op) {
      case "hello":
        return;
      case "bye":
        return parts.lose(id, atMs);
      case "emit": {
        const { n, head, requireRoute = false } = operation;
        const waiting = requireRoute ? { member: id, n } : undefined;
        const accepted = queues.accept(operation, body, waiting, atMs);
        return emissions.add({ member: id, n, accepted, head, body, requireRoute });
      }
      case "settle":
        return queues.settle(id, operation, operation, atMs);
      case "listen":
        // What was emitted before is kept for the groups that it had then.
        if (!emissions.isEmpty) parts.conclude(atMs);
        queues.listen(id, operation, atMs);
        return tell(id, { op: "done", n: operation.n });
      case "unlisten":
        queues.unlisten(id, operation);
        return tell(id, { op: "done", n: operation.n });
      case "serve":
        calls.serve(id, operation.service, operation.methods, atMs);
        return tell(id, { op: "done", n: operation.n });
      case "unserve":
        calls.unserve(id, operation.service);
        return tell(id, { op: "done", n: operation.n });
      case "call": {
        const { n, service, method, head, budgetMs, isIdempotent } = operation;
        const name = nameOf(service, method);
        member.sender.count("call", name);
        taps.copy({ kind: "call", name, head, body });
        return calls.call({ caller: id, n, service, method, name, head, budgetMs, isIdempotent, body }, atMs);
      }
      case "cancel":
        return calls.cancel(id, operation.n, atMs);
      case "answer":
        return calls.answer(id, operation.c, { body }, atMs);
      case "fault":
        return calls.answer(id, operation.c, { failure: operation.failure }, atMs);
      case "services":
        return tell(id, { op: "served", n: operation.n, services: calls.services() });
      case "queues":
        return tell(id, { op: "figures", n: operation.n, queues: queues.figures(atMs) });
      case "dead":
        return tell(id, { op: "letters", n: operation.n, letters: queues.letters.list(operation) });
      case "letter": {
        const found = queues.letters.show(operation.id);
        if (found === undefined) return tell(id, { op: "count", n: operation.n, count: 0 });
        const { letter, head, body: content } = found;
        return tell(id, { op: "body", n: operation.n, letter, head, size: content.length }, content);
      }
      case "replay":
        return tell(id, { op: "count", n: operation.n, count: queues.replay(operation.ids, atMs) });
      case "discard":
        return tell(id, { op: "count", n: operation.n, count: queues.letters.discard(operation.ids) });
      case "tap":
        taps.open(id, { ...operation, signals: [] });
        return tell(id, { op: "done", n: operation.n });
      case "untap":
        taps.close(id);
        return tell(id, { op: "done", n: operation.n });
      case "heard":
        return signals.add(member.sender.service, operation.signals.slice(0, MAX_HEARD));
      case "taken":
        return taps.taken(id, operation.copies);
    }
  };
}
