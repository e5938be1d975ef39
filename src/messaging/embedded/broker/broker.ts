// The broker of the embedded engine: takes batches of operations from its members and makes batches for them. It decides
// alone: the store keeps what it is told, the caller carries the batches and tells the time. A batch is carried out, then
// kept, and only then answered, so that an answer is never taken back. Pure.

import { reasonOf, ZcontextError } from "../../../errors.ts";
import type { BusFigures, ServiceState } from "../../../protocol/bus-figures.ts";
import { serviceOf } from "../../contract/envelope.ts";
import { createCounted, MAX_COUNTED } from "../counts.ts";
import {
  type Batch,
  type FromBroker,
  type Hello,
  type Item,
  type Places,
  PROTOCOL,
  type ToBroker,
} from "../operations.ts";
import { createSignalCounts, MAX_HEARD } from "../signal-counts.ts";
import { createTaps } from "../taps.ts";
import { type Accepted, createEventQueues, QUEUE_LIMITS, type QueueLimits } from "./event-queues.ts";
import { createKeeper } from "./keeper.ts";
import { createMethodCalls } from "./method-calls.ts";
import { createReturns } from "./returns.ts";
import { createSenders, type Sender } from "./senders.ts";
import type { BrokerStore, StoredMember, Write } from "./store.ts";

export interface BrokerOptions {
  store: BrokerStore;
  /** What a member has to know. */
  token: string;
  /** It takes the place of another broker, whose members come back: until then nothing is given to others. Default false. */
  follows?: boolean;
  /** What members are told of. */
  places?: Places;
  /** Sends a batch to a member. */
  send(member: string, batch: Batch<FromBroker>): void;
  /** Calls once for each name of events that nobody has wanted. */
  onUnrouted(event: string): void;
  onStoreFault(error: unknown): void;
  limits?: Partial<QueueLimits>;
}

export interface Broker {
  /** Carries out a batch of a member, and answers it where nothing has to be kept. */
  receive(member: string, batch: Batch<ToBroker>, nowMs: number): void;
  /** Keeps what the batches since the last time have led to, delivers, and answers them. */
  conclude(nowMs: number): void;
  /** A member's process has ended, or it can't be reached. */
  lose(member: string, nowMs: number): void;
  /** What follows from the passing of time. Called several times a second. */
  advance(nowMs: number): void;
  /** Those that are there, and those of a former broker that are awaited. */
  members(): StoredMember[];
  /** The provider says what becomes of a service. */
  setService(service: string, state: ServiceState, nowMs: number): void;
  figures(nowMs: number): Omit<BusFigures, "memory_bytes">;
}

interface MemberState {
  id: string;
  src: string;
  process: Hello["process"];
  heardMs: number;
}

interface Connected extends MemberState {
  /** The number of the last batch that was carried out, and of the last one whose results are kept. */
  received: number;
  done: number;
  sent: number;
  sender: Sender;
}

/** A member that is silent for so long has lost its events: its event loop is blocked or its process is halted. */
export const SILENT_MS = 30_000;

const NOTHING: Buffer = Buffer.alloc(0);

/** An event that was not kept yet, and the number that its emitter knows it by. */
interface Emitted {
  member: string;
  accepted: Accepted;
  n: number;
  head: number;
  body: Buffer;
  requireRoute: boolean;
}

/** What a tap gets: of the body, the first `head` bytes are the envelope. */
type TappedCopy = Omit<Extract<FromBroker, { op: "tapped" }>, "op" | "size"> & { body: Buffer };

type Requested = Extract<FromBroker, { op: "request" }>;
type Asking = Extract<ToBroker, { n: number }>;

export function createBroker(options: BrokerOptions, nowMs: number): Broker {
  const { store } = options;
  const members = new Map<string, Connected>();
  /** What the batches since the last conclusion have led to. */
  let writes: Write[] = [];
  let emitted: Emitted[] = [];
  const outbox = new Map<string, Item<FromBroker>[]>();
  const unrouted = createCounted(() => ({ events: 0 }));
  const senders = createSenders();
  const signals = createSignalCounts();
  const keeper = createKeeper(store, options.onStoreFault);

  function tell(member: string, operation: FromBroker, body = NOTHING): void {
    const items = outbox.get(member);
    if (items === undefined) outbox.set(member, [{ operation, body }]);
    else items.push({ operation, body });
  }

  const remains = store.recover();
  const returns = createReturns(options.follows ? remains.members : (remains.members ?? []), nowMs);
  const queues = createEventQueues(
    {
      deliver: tell,
      mayDeliver: () => returns.areAllBack,
      keep: (write) => void writes.push(write),
      bodyOf: (seq) => store.eventBody(seq),
      letterBody: (id) => store.letterBody(id),
      unrouted(event, waiting) {
        if (waiting !== undefined) tellUnrouted(waiting.member, waiting.n, event);
        const count = unrouted.of(event);
        count.events += 1;
        if (count.events === 1) options.onUnrouted(event);
      },
      routed: ({ member, n }) => tell(member, { op: "done", n }),
    },
    remains,
    nowMs,
    { ...QUEUE_LIMITS, ...options.limits },
  );
  const calls = createMethodCalls(
    {
      request(member, { c, service, method, budgetMs, isIdempotent, head, body }) {
        const operation: Requested = { op: "request", c, service, method, budgetMs, head, size: body.length };
        if (isIdempotent) operation.isIdempotent = true;
        tell(member, operation, body);
      },
      abort: (member, c) => tell(member, { op: "abort", c }),
      result: (member, n, body) => tell(member, { op: "result", n, size: body.length }, body),
      failure: (member, n, failure) => tell(member, { op: "failure", n, failure }),
    },
    () => returns.areAllBack,
  );
  const taps = createTaps<TappedCopy>({
    tapped: (member, { body, ...copy }) => tell(member, { op: "tapped", ...copy, size: body.length }, body),
    missed: (member, copies) => tell(member, { op: "missed", copies }),
  });

  function tellUnrouted(member: string, n: number, event: string): void {
    tell(member, { op: "failed", n, code: "ERR_EVENT_UNROUTED", reason: `no group listens to ${event}` });
  }

  /** Keeps what has been decided. False where the store can't. */
  function commit(): boolean {
    const changes = writes;
    writes = [];
    // Where they can't be kept: what was removed is gone from memory, and after a crash it is delivered once more.
    return keeper.keep(changes);
  }

  /** Keeps what has changed, then takes in what was emitted. */
  function takeIn(atMs: number): Emitted[] {
    const isKept = commit();
    const taken = emitted;
    emitted = [];
    for (const one of taken) (isKept ? admit : refuse)(one, atMs);
    return taken;
  }

  function conclude(atMs: number): void {
    const taken = takeIn(atMs);
    queues.pump(atMs);
    for (const { accepted } of taken) queues.release(accepted);
    flush();
  }

  function flush(): void {
    for (const [id, items] of outbox) {
      const member = members.get(id);
      if (member === undefined) continue;
      member.sent += 1;
      member.done = member.received;
      options.send(id, { number: member.sent, done: member.done, items });
    }
    outbox.clear();
  }

  function carryOut(member: string, { operation, body }: Item<ToBroker>, atMs: number): void {
    switch (operation.op) {
      case "hello":
        return;
      case "bye":
        return lose(member, atMs);
      case "emit": {
        const { n, requireRoute = false } = operation;
        const waiting = requireRoute ? { member, n } : undefined;
        emitted.push({
          member,
          accepted: queues.accept(operation, body, waiting, atMs),
          n,
          head: operation.head,
          body,
          requireRoute,
        });
        return;
      }
      case "settle":
        return queues.settle(member, operation, operation, atMs);
      case "listen":
        // What was emitted before is kept for the groups that it had then.
        if (emitted.length > 0) conclude(atMs);
        queues.listen(member, operation, atMs);
        return tell(member, { op: "done", n: operation.n });
      case "unlisten":
        queues.unlisten(member, operation);
        return tell(member, { op: "done", n: operation.n });
      case "serve":
        calls.serve(member, operation.service, operation.methods, atMs);
        return tell(member, { op: "done", n: operation.n });
      case "unserve":
        calls.unserve(member, operation.service);
        return tell(member, { op: "done", n: operation.n });
      case "call": {
        const { service, method, head } = operation;
        const name = `${service}.${method}`;
        members.get(member)?.sender.count("call", name);
        taps.copy({ kind: "call", name, head, body });
        return calls.call({ ...operation, caller: member, body }, atMs);
      }
      case "cancel":
        return calls.cancel(member, operation.n, atMs);
      case "answer":
        return calls.answer(member, operation.c, { body }, atMs);
      case "fault":
        return calls.answer(member, operation.c, { failure: operation.failure }, atMs);
      case "services":
        return tell(member, { op: "served", n: operation.n, services: calls.services() });
      case "queues":
        return tell(member, { op: "figures", n: operation.n, queues: queues.figures(atMs) });
      case "dead":
        return tell(member, { op: "letters", n: operation.n, letters: queues.letters.list(operation) });
      case "letter": {
        const found = queues.letters.show(operation.id);
        if (found === undefined) return tell(member, { op: "count", n: operation.n, count: 0 });
        const { letter, head, body: content } = found;
        return tell(member, { op: "body", n: operation.n, letter, head, size: content.length }, content);
      }
      case "replay":
        return tell(member, { op: "count", n: operation.n, count: queues.replay(operation.ids, atMs) });
      case "discard":
        return tell(member, { op: "count", n: operation.n, count: queues.letters.discard(operation.ids) });
      case "tap":
        taps.open(member, { ...operation, signals: [] });
        return tell(member, { op: "done", n: operation.n });
      case "untap":
        taps.close(member);
        return tell(member, { op: "done", n: operation.n });
      case "heard":
        return signals.add(serviceOfMember(member), operation.signals.slice(0, MAX_HEARD));
      case "taken":
        return taps.taken(member, operation.copies);
    }
  }

  function attempt(member: string, item: Item<ToBroker>, atMs: number): void {
    try {
      carryOut(member, item, atMs);
    } catch (error) {
      if (!(error instanceof ZcontextError) || !isAsking(item.operation)) throw error;
      tell(member, { op: "failed", n: item.operation.n, code: error.code, reason: reasonOf(error) });
    }
  }

  function greet(member: string, hello: Hello, atMs: number): boolean {
    const refusal = refusalOf(hello, options.token);
    if (refusal !== undefined) {
      options.send(member, { number: 0, done: 0, items: [{ operation: refusal, body: NOTHING }] });
      return false;
    }
    if (members.has(member)) lose(member, atMs);
    const { src, process } = hello;
    const sender = senders.sender(serviceOf(src));
    members.set(member, { id: member, src, process, heardMs: atMs, received: 0, done: 0, sent: 0, sender });
    writes.push({ put: "member", value: { id: member, process } });
    tell(member, { op: "welcome", protocol: PROTOCOL, stored: store.stored, ...options.places });
    for (const key of hello.holds) queues.holds(member, key);
    return true;
  }

  function lose(member: string, atMs: number): void {
    const wasAwaited = returns.end(member);
    const wasThere = members.delete(member);
    if (wasThere || wasAwaited) writes.push({ remove: "member", id: member });
    if (!wasThere) return;
    outbox.delete(member);
    queues.lose(member);
    calls.lose(member, atMs);
    taps.close(member);
  }

  return {
    receive(id, { number, items }, atMs) {
      const [first] = items;
      if (first?.operation.op === "hello" && !greet(id, first.operation, atMs)) return;
      const member = members.get(id);
      if (member === undefined) {
        const refusal: FromBroker = { op: "refused", code: "ERR_ENGINE_UNREACHABLE", reason: "expected hello first" };
        return options.send(id, { number: 0, done: 0, items: [{ operation: refusal, body: NOTHING }] });
      }
      member.heardMs = atMs;
      for (const item of items) attempt(id, item, atMs);
      // The batch behind its hello says again what it listens to and serves.
      if (first?.operation.op !== "hello") returns.end(id);
      member.received = number;
      // A batch is always answered, since its emits wait for that.
      if (items.length > 0 && !outbox.has(id)) outbox.set(id, []);
      // Calls wait for nothing.
      if (writes.length === 0 && emitted.length === 0) flush();
    },
    conclude,
    lose(member, atMs) {
      lose(member, atMs);
      conclude(atMs);
    },
    advance(atMs) {
      returns.advance(atMs);
      conclude(atMs);
      for (const { id, heardMs } of [...members.values()]) {
        const silentMs = atMs - heardMs;
        if (silentMs < SILENT_MS) continue;
        tell(id, { op: "lost", silentMs });
        flush();
        lose(id, atMs);
      }
      queues.advance(atMs);
      calls.advance(atMs);
      keeper.advance(atMs);
      conclude(atMs);
    },
    members: () => [...members.values(), ...returns.list()],
    setService(service, state, atMs) {
      calls.setState(service, state, atMs);
      conclude(atMs);
    },
    figures: (atMs) => ({
      queues: queues.figures(atMs).slice(0, MAX_COUNTED),
      groups: queues.totals(serviceOfMember).slice(0, MAX_COUNTED),
      methods: calls.totals(serviceOfMember),
      senders: senders.totals(),
      signals: signals.totals(),
      unrouted: Object.fromEntries(unrouted.all().map(([event, { events }]) => [event, events])),
      members: members.size,
      calls: calls.figures(),
      ...(keeper.fault !== undefined && { store_fault: keeper.fault }),
    }),
  };

  function serviceOfMember(id: string): string {
    return members.get(id)?.sender.service ?? "";
  }

  function admit(one: Emitted, atMs: number): void {
    const { member, accepted, n, head, body, requireRoute } = one;
    const { isRouted } = accepted;
    queues.enqueue(accepted, atMs);
    if (accepted.held !== undefined) members.get(member)?.sender.count("event", accepted.held.event);
    if (accepted.held !== undefined) taps.copy({ kind: "event", name: accepted.held.event, head, body });
    // The number of the batch answers the others.
    if (!isRouted && !requireRoute) tell(member, { op: "unrouted", n });
    if (isRouted && requireRoute) tell(member, { op: "done", n });
  }

  function refuse(one: Emitted): void {
    queues.withdraw(one.accepted);
    tell(one.member, { op: "failed", n: one.n, code: "ERR_OVERLOADED", reason: "the broker can't store the event" });
  }
}

function isAsking(operation: ToBroker): operation is Asking {
  return "n" in operation;
}

function refusalOf({ protocol, token }: Hello, expected: string): FromBroker | undefined {
  if (protocol !== PROTOCOL)
    return { op: "refused", code: "ERR_ENGINE_REFUSED", reason: `protocol ${protocol}, the broker speaks ${PROTOCOL}` };
  if (token !== expected) return { op: "refused", code: "ERR_ENGINE_REFUSED", reason: "the token is not the broker's" };
  return undefined;
}
