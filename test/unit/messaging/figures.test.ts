import { describe, expect, test } from "vitest";
import { createBroker } from "../../../src/messaging/embedded/broker/broker.ts";
import { createMemoryStore } from "../../../src/messaging/embedded/broker/memory-store.ts";
import type { BrokerStore } from "../../../src/messaging/embedded/broker/store.ts";
import { addDuration, createCounted, createDurations, OTHER } from "../../../src/messaging/embedded/counts.ts";
import { type FromBroker, PROTOCOL, type ToBroker } from "../../../src/messaging/embedded/operations.ts";
import { createHeardNews } from "../../../src/messaging/embedded/signal-counts.ts";
import { DURATION_BOUNDS_MS } from "../../../src/protocol/bus-figures.ts";

const NOTHING = Buffer.alloc(0);
const ORDERS = { event: "orders.created", group: "billing" };

function settlement(given: Extract<FromBroker, { op: "deliver" }> | undefined): ToBroker {
  if (given === undefined) throw new Error("nothing was delivered");
  const { g, seq, attempt } = given;
  return { op: "settle", g, seq, attempt, verdict: "ack" };
}

/** A broker whose members say what they are told to, at times that the test chooses. */
function brokerAt(startMs: number, store: BrokerStore = createMemoryStore()) {
  const heard = new Map<string, FromBroker[]>();
  const unrouted: string[] = [];
  let nowMs = startMs;
  let n = 0;
  const broker = createBroker(
    {
      ...{ store, token: "", onUnrouted: (event) => void unrouted.push(event), onStoreFault() {} },
      send: (member, { items }) =>
        void heard.set(member, [...(heard.get(member) ?? []), ...items.map(({ operation }) => operation)]),
    },
    nowMs,
  );
  const numbers = new Map<string, number>();

  const say = (member: string, ...operations: ToBroker[]) => sayWith(member, NOTHING, ...operations);

  function sayWith(member: string, body: Buffer, ...operations: ToBroker[]): void {
    numbers.set(member, (numbers.get(member) ?? 0) + 1);
    const items = operations.map((operation) => ({ operation, body }));
    broker.receive(member, { number: numbers.get(member) ?? 0, done: 0, items }, nowMs);
    broker.conclude(nowMs);
  }

  return {
    say,
    unrouted,
    join: (member: string, src: string) => say(member, { op: "hello", protocol: PROTOCOL, token: "", src, holds: [] }),
    listen: (member: string, prefetch = 16) => say(member, { op: "listen", n: ++n, ...ORDERS, prefetch }),
    emit(member: string, event = ORDERS.event, size = 0) {
      n += 1;
      sayWith(member, Buffer.alloc(size), { op: "emit", n, event, id: `id${n}`, head: 0, size });
    },
    call: (member: string, method: string) =>
      say(member, {
        op: "call",
        n: ++n,
        service: "billing",
        method,
        budgetMs: 100,
        isIdempotent: false,
        head: 0,
        size: 0,
      }),
    /** What a member was given and has not settled. */
    given: (member: string) => (heard.get(member) ?? []).filter((one) => one.op === "deliver"),
    requests: (member: string) => (heard.get(member) ?? []).filter((one) => one.op === "request"),
    lose: (member: string) => broker.lose(member, nowMs),
    pass(ms: number) {
      nowMs += ms;
      broker.advance(nowMs);
    },
    /** Members that show that they live, so that none is silent. */
    beat(...members: string[]) {
      for (const member of members) say(member);
    },
    figures: () => broker.figures(nowMs),
  };
}

describe("the broker counts", () => {
  test("what becomes of a group's events, how long that takes, and who sends and takes them", () => {
    const at = brokerAt(1_000);
    at.join("s", "ctx/shop/ts1");
    at.join("b", "ctx/billing/ts2");
    at.listen("b");
    for (let i = 0; i < 5; i += 1) at.emit("s");
    const [acked, retried, dropped, dead, stale] = at.given("b").map(({ g, seq, attempt }) => ({ g, seq, attempt }));
    if (!acked || !retried || !dropped || !dead || !stale) throw new Error("not all were delivered");
    const failure = { code: "E", message: "m", retryable: false, executed: "yes" } as const;
    at.pass(7);
    at.say("b", { op: "settle", ...acked, verdict: "ack" });
    at.say("b", { op: "settle", ...retried, verdict: "again", delayMs: 1_000 });
    at.say("b", { op: "settle", ...dropped, verdict: "drop" });
    at.say("b", { op: "settle", ...dead, verdict: "dead", reason: "attempts", failure, handler: "h" });
    at.say("b", { op: "settle", ...stale, attempt: 9, verdict: "ack" });

    const [group] = at.figures().groups;

    expect(group).toMatchObject({
      ...ORDERS,
      acked: 1,
      retried: 1,
      dropped: 1,
      dead: 1,
      lost: 0,
      services: ["billing"],
    });
    expect(group?.handling).toEqual({ counts: [0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], sum_ms: 28 });
    expect(at.figures().senders).toEqual([{ kind: "event", name: "orders.created", service: "shop", sent: 5 }]);
    at.lose("b");
    expect(at.figures().groups[0]).toMatchObject({ lost: 1, services: [] });
  });

  test("events that no group has wanted, and says each name once", () => {
    const at = brokerAt(1_000);
    at.join("s", "ctx/shop/ts1");
    at.emit("s", "orders.lost");
    at.emit("s", "orders.lost");
    at.pass(10_000);

    expect(at.figures().unrouted).toEqual({ "orders.lost": 2 });
    expect(at.unrouted).toEqual(["orders.lost"]);
  });

  test("calls by the code that their callers hear, and who serves them", () => {
    const at = brokerAt(1_000);
    at.join("s", "ctx/shop/ts1");
    at.join("b", "ctx/billing/ts2");
    at.say("b", { op: "serve", n: 1, service: "billing", methods: ["get"] });
    for (const method of ["get", "get", "get", "put"]) at.call("s", method);
    const [ok, own] = at.requests("b").map(({ c }) => c);
    at.pass(3);
    at.say("b", { op: "answer", c: ok ?? 0, size: 0 });
    const failure = { code: "NO_SUCH", message: "m", retryable: false, executed: "yes" } as const;
    at.say("b", { op: "fault", c: own ?? 0, failure });
    at.pass(200);

    const { methods, senders } = at.figures();

    expect(methods).toMatchObject([
      { method: "billing.put", codes: { ERR_METHOD_UNKNOWN: 1 }, services: [] },
      { method: "billing.get", codes: { ok: 1, NO_SUCH: 1, ERR_CALL_TIMEOUT: 1 }, services: ["billing"] },
    ]);
    expect(methods[1]?.durations.counts).toEqual([0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(senders).toContainEqual({ kind: "call", name: "billing.get", service: "shop", sent: 3 });
  });

  test("a flood of names in so many counts and one for all others", () => {
    const at = brokerAt(1_000);
    at.join("s", "ctx/shop/ts1");
    for (let i = 0; i < 1_500; i += 1) {
      at.emit("s", `orders.n${i}`);
      at.call("s", `n${i}`);
    }
    at.pass(10_000);

    const { methods, senders, unrouted } = at.figures();

    expect(methods).toHaveLength(1_001);
    expect(methods.at(-1)).toMatchObject({ method: OTHER, codes: { ERR_SERVICE_UNKNOWN: 500 } });
    expect(senders.filter(({ name }) => name === OTHER).map(({ sent }) => sent)).toEqual([500, 500]);
    expect(unrouted[OTHER]).toBe(500);
    expect(at.unrouted).toHaveLength(1_001);
  });
});

test("what members say of signals is summed by service", () => {
  const at = brokerAt(1_000);
  const heard = (member: string, received: number, lost: number) =>
    at.say(member, { op: "heard", signals: [{ topic: "tides", publisher: "ctx/gauge/1", received, lost }] });
  for (const member of ["a", "b"]) at.join(member, `ctx/chart/${member}`);

  heard("a", 10, 1);
  at.lose("a");
  heard("b", 4, 2);

  expect(at.figures().signals).toEqual([
    { topic: "tides", publisher: "gauge", subscriber: "chart", received: 14, lost: 3 },
  ]);
});

test("of counts of signals only what is new is said, also of a topic that is followed anew", () => {
  let [received, lost] = [5, 1];
  const news = createHeardNews(() => [{ topic: "tides", publisher: "ctx/gauge/1", received, lost }]);
  const next = () => news().map((one) => [one.received, one.lost]);

  expect([next(), next()]).toEqual([[[5, 1]], []]);
  [received, lost] = [7, 1];
  expect(next()).toEqual([[2, 0]]);
  [received, lost] = [3, 0];
  expect([next(), next()]).toEqual([[[3, 0]], []]);
});

describe("a group stalls", () => {
  function waiting() {
    const at = brokerAt(1_000);
    at.join("s", "ctx/shop/ts1");
    at.join("b", "ctx/billing/ts2");
    at.listen("b", 1);
    at.emit("s");
    at.emit("s");
    at.figures();
    const stalledAfter = (seconds: number) => {
      let stalled: number | undefined;
      for (let i = 0; i < seconds; i += 1) {
        at.pass(1_000);
        at.beat("s", "b");
        stalled = at.figures().queues[0]?.stalled_s;
      }
      return stalled;
    };
    return { ...at, stalledAfter };
  }

  test("when events wait for its members and nothing is settled for 30 s", () => {
    const at = waiting();

    expect(at.stalledAfter(30)).toBeUndefined();
    expect(at.stalledAfter(1)).toBe(31);
    at.say("b", settlement(at.given("b")[0]));
    expect(at.figures().queues[0]?.stalled_s).toBeUndefined();
  });

  test("later where its events take long", () => {
    const at = waiting();
    at.stalledAfter(40);
    at.say("b", settlement(at.given("b")[0]));
    at.emit("s");
    at.figures();

    expect(at.stalledAfter(79)).toBeUndefined();
    expect(at.stalledAfter(2)).toBe(81);
  });

  test("not while it has no member, and not while nothing waits", () => {
    const at = waiting();
    at.lose("b");

    expect(at.stalledAfter(60)).toBeUndefined();
    at.join("b", "ctx/billing/ts2");
    at.listen("b", 16);
    expect(at.stalledAfter(60)).toBeUndefined();
  });
});

test("a store that can't be written is a fault until it takes as much again, though it may take less", () => {
  let roomBytes = 10;
  const store = createMemoryStore();
  const refuseAbove = (bytes: number) => {
    if (bytes > roomBytes) throw new Error("no space left on device");
  };
  const at = brokerAt(1_000, {
    ...store,
    check: refuseAbove,
    write(writes) {
      for (const write of writes) if ("put" in write && write.put === "event") refuseAbove(write.value.body.length);
      store.write(writes);
    },
  });
  at.join("s", "ctx/shop/ts1");
  at.emit("s");
  expect(at.figures().store_fault).toBeUndefined();

  at.emit("s", ORDERS.event, 100);
  at.pass(1_000);
  at.emit("s", ORDERS.event, 5);
  expect(at.figures().store_fault).toBe("no space left on device");
  roomBytes = 100;
  at.pass(1_000);
  expect(at.figures().store_fault).toBeUndefined();
});

test("a duration falls into the first bucket whose bound it does not exceed", () => {
  const durations = createDurations();
  for (const ms of [0, 1, 1.5, 60_000, 60_001]) addDuration(durations, ms);

  expect(durations).toEqual({ counts: [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], sum_ms: 120_003.5 });
  expect(durations.counts).toHaveLength(DURATION_BOUNDS_MS.length + 1);
});

test("what is counted under a name stays, whatever comes later", () => {
  const counted = createCounted(() => ({ times: 0 }), 2);
  for (const name of ["a", "b", "c", "d", "a"]) counted.of(name).times += 1;

  expect(counted.all()).toEqual([
    ["a", { times: 2 }],
    ["b", { times: 1 }],
    [OTHER, { times: 2 }],
  ]);
});
