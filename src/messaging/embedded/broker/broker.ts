// The broker of the embedded engine: takes batches of operations from its members and makes batches for them. It decides
// alone: the store keeps what it is told, the caller carries the batches and tells the time. A batch is carried out, then
// kept, and only then answered, so that an answer is never taken back. Pure.
import { reasonOf, ZcontextError } from "../../../errors.ts";
import type { BusFigures, ServiceState } from "../../../protocol/bus-figures.ts";
import { type Counted, createCounted, MAX_COUNTED } from "../counts.ts";
import {
  type Batch,
  type FromBroker,
  type Hello,
  type Item,
  type Places,
  PROTOCOL,
  type ToBroker,
} from "../operations.ts";
import { createSignalCounts } from "../signal-counts.ts";
import { createTaps } from "../taps.ts";
import { createCarryOut, type Parts, type TappedCopy } from "./carrying-out.ts";
import { createEmissions, type Emission } from "./emissions.ts";
import { createEventQueues, QUEUE_LIMITS, type QueueLimits } from "./event-queues.ts";
import { createKeeper, type Keeper } from "./keeper.ts";
import { type Connected, createMembers } from "./members.ts";
import { type CallOutlet, createMethodCalls } from "./method-calls.ts";
import { createReturns } from "./returns.ts";
import { createSenders, type Senders } from "./senders.ts";
import type { BrokerStore, StoredMember } from "./store.ts";

export interface BrokerOptions {
  store: BrokerStore;
  /** What a member has to know. */
  token: string;
  /** It takes the place of another broker, whose members come back: until then nothing is given to others. Default false. */
  follows?: boolean;
  /** Its provider tells how services stand, and `statesTold` then: until then no service is unknown. Default false. */
  awaitsStates?: boolean;
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
  /** It has said so of each service that there is. */
  statesTold(): void;
  figures(nowMs: number): Omit<BusFigures, "memory_bytes">;
}

/** A member that is silent for so long has lost its events: its event loop is blocked or its process is halted. */
export const SILENT_MS = 30_000;

const NOTHING: Buffer = Buffer.alloc(0);

type Requested = Extract<FromBroker, { op: "request" }>;
type Asking = Extract<ToBroker, { n: number }>;

export function createBroker(options: BrokerOptions, nowMs: number): Broker {
  const { store } = options;
  const senders = createSenders();
  const members = createMembers(options.send, senders.sender);
  const { tell } = members;
  const keeper = createKeeper(store, options.onStoreFault);
  const emissions = createEmissions(keeper);
  const unrouted = createCounted(() => ({ events: 0 }));
  const signals = createSignalCounts();
  const remains = store.recover();
  const returns = createReturns(options.follows ? remains.members : (remains.members ?? []), nowMs);
  const queues = createEventQueues(
    {
      deliver: tell,
      mayDeliver: () => returns.areAllBack,
      keep: emissions.keep,
      bodyOf: (seq) => store.eventBody(seq),
      letterBody: (id) => store.letterBody(id),
      unrouted(event, waiting) {
        if (waiting !== undefined) tell(waiting.member, unroutedAnswer(waiting.n, event));
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
  let areStatesTold = options.awaitsStates !== true;
  const calls = createMethodCalls(callOutlet(tell), () => returns.areAllBack && areStatesTold);
  const taps = createTaps<TappedCopy>({
    tapped: (member, { body, ...copy }) => tell(member, { op: "tapped", ...copy, size: body.length }, body),
    missed: (member, copies) => tell(member, { op: "missed", copies }),
  });
  const carryOut = createCarryOut({ members, emissions, queues, calls, taps, signals, lose, conclude });

  /** Keeps what has changed, then takes in what was emitted. */
  function conclude(atMs: number): void {
    const { isKept, taken } = emissions.conclude();
    for (const one of taken) (isKept ? admit : refuse)(one, atMs);
    queues.pump(atMs);
    for (const { accepted } of taken) queues.release(accepted);
    members.flush();
  }

  function admit({ member, accepted, n, head, body, requireRoute }: Emission, atMs: number): void {
    const { isRouted, held } = accepted;
    queues.enqueue(accepted, atMs);
    if (held !== undefined) {
      members.get(member)?.sender.count("event", held.event);
      taps.copy({ kind: "event", name: held.event, head, body });
    }
    // The number of the batch answers the others.
    if (!isRouted && !requireRoute) tell(member, { op: "unrouted", n });
    if (isRouted && requireRoute) tell(member, { op: "done", n });
  }

  function refuse({ member, accepted, n }: Emission): void {
    queues.withdraw(accepted);
    tell(member, { op: "failed", n, code: "ERR_OVERLOADED", reason: "the broker can't store the event" });
  }

  function attempt(member: Connected, item: Item<ToBroker>, atMs: number): void {
    try {
      carryOut(member, item, atMs);
    } catch (error) {
      if (!(error instanceof ZcontextError) || !isAsking(item.operation)) throw error;
      tell(member.id, { op: "failed", n: item.operation.n, code: error.code, reason: reasonOf(error) });
    }
  }

  function refuseMember(id: string, code: string, reason: string): void {
    options.send(id, { number: 0, done: 0, items: [{ operation: { op: "refused", code, reason }, body: NOTHING }] });
  }

  /** @returns The member, where it may take part. */
  function greet(id: string, hello: Hello, atMs: number): Connected | undefined {
    const reason = refusalOf(hello, options.token);
    if (reason !== undefined) return void refuseMember(id, "ERR_ENGINE_REFUSED", reason);
    if (members.get(id) !== undefined) lose(id, atMs);
    const member = members.add(id, hello, atMs);
    emissions.keep({ put: "member", value: { id, process: hello.process } });
    tell(id, { op: "welcome", protocol: PROTOCOL, stored: store.stored, ...options.places });
    for (const key of hello.holds) queues.holds(id, key);
    return member;
  }

  function lose(member: string, atMs: number): void {
    const wasAwaited = returns.end(member);
    const wasThere = members.remove(member);
    if (wasThere || wasAwaited) emissions.keep({ remove: "member", id: member });
    if (!wasThere) return;
    queues.lose(member);
    calls.lose(member, atMs);
    taps.close(member);
  }

  return {
    receive(id, { number, items }, atMs) {
      const [first] = items;
      const hello = first?.operation.op === "hello" ? first.operation : undefined;
      const member = hello === undefined ? members.get(id) : greet(id, hello, atMs);
      if (member === undefined) {
        if (hello === undefined) refuseMember(id, "ERR_ENGINE_UNREACHABLE", "expected hello first");
        return;
      }
      member.heardMs = atMs;
      for (const item of items) attempt(member, item, atMs);
      // The batch behind its hello says again what it listens to and serves.
      if (hello === undefined) returns.end(id);
      member.received = number;
      if (items.some(isConfirmed)) members.answer(member);
      // Calls wait for nothing.
      if (emissions.isSettled) members.flush();
    },
    conclude,
    lose(member, atMs) {
      lose(member, atMs);
      conclude(atMs);
    },
    advance(atMs) {
      returns.advance(atMs);
      conclude(atMs);
      for (const { id, heardMs } of members.all()) {
        const silentMs = atMs - heardMs;
        if (silentMs < SILENT_MS) continue;
        tell(id, { op: "lost", silentMs });
        members.flush();
        lose(id, atMs);
      }
      queues.advance(atMs);
      calls.advance(atMs);
      keeper.advance(atMs);
      conclude(atMs);
    },
    members: () => [...members.all(), ...returns.list()],
    setService(service, state, atMs) {
      calls.setState(service, state, atMs);
      conclude(atMs);
    },
    statesTold() {
      areStatesTold = true;
    },
    figures: (atMs) => figuresOf({ members, queues, calls, senders, signals, unrouted, keeper }, atMs),
  };
}

/** What counts. */
interface Counting extends Pick<Parts, "members" | "queues" | "calls" | "signals"> {
  senders: Senders;
  unrouted: Counted<{ events: number }>;
  keeper: Keeper;
}

function figuresOf({ members, queues, calls, senders, signals, unrouted, keeper }: Counting, atMs: number) {
  return {
    queues: queues.figures(atMs).slice(0, MAX_COUNTED),
    groups: queues.totals(members.serviceOf).slice(0, MAX_COUNTED),
    methods: calls.totals(members.serviceOf),
    senders: senders.totals(),
    signals: signals.totals(),
    unrouted: Object.fromEntries(unrouted.all().map(([event, { events }]) => [event, events])),
    members: members.size,
    calls: calls.figures(),
    ...(keeper.fault !== undefined && { store_fault: keeper.fault }),
  };
}

/** What is told of calls. */
function callOutlet(tell: (member: string, operation: FromBroker, body?: Buffer) => void): CallOutlet {
  return {
    request(callee, c, { service, method, head, isIdempotent, body }, budgetMs) {
      const operation: Requested = { op: "request", c, service, method, budgetMs, head, size: body.length };
      if (isIdempotent) operation.isIdempotent = true;
      tell(callee, operation, body);
    },
    abort: (callee, c) => tell(callee, { op: "abort", c }),
    result: (caller, n, body) => tell(caller, { op: "result", n, size: body.length }, body),
    failure: (caller, n, failure) => tell(caller, { op: "failure", n, failure }),
  };
}

function unroutedAnswer(n: number, event: string): FromBroker {
  return { op: "failed", n, code: "ERR_EVENT_UNROUTED", reason: `no group listens to ${event}` };
}

/** Whether its member waits for the number of its batch. All else has an answer of its own, or none. */
function isConfirmed({ operation: { op } }: Item<ToBroker>): boolean {
  return op === "emit" || op === "settle";
}

function isAsking(operation: ToBroker): operation is Asking {
  return "n" in operation;
}

/** Why a member may not take part. */
function refusalOf({ protocol, token }: Hello, expected: string): string | undefined {
  if (protocol !== PROTOCOL) return `protocol ${protocol}, the broker speaks ${PROTOCOL}`;
  return token === expected ? undefined : "the token is not the broker's";
}
