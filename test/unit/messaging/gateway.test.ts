// A gateway between the protocol of a broker and an engine: what its members say and hear.
import { setImmediate as nextTurn } from "node:timers/promises";

import { afterEach, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import type { FromBroker, Item, ToBroker } from "../../../src/messaging/embedded/operations.ts";
import { pack } from "../../../src/messaging/embedded/parcel.ts";
import { createMemoryBroker, type MemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { createGateway } from "../../../src/messaging/gateway/gateway.ts";
import { EventBus, ServiceError } from "../../../src/messaging/index.ts";
import { BOUND_MS } from "../../support/bound.ts";
import { awaitEvents } from "../../support/recording.ts";

type Heard = FromBroker & { body: Buffer; done: number };

let broker: MemoryBroker;

afterEach(() => broker[Symbol.asyncDispose]());

/** A member of a gateway at an engine in memory, and a bus at the same engine. */
async function open(token = "right") {
  broker = createMemoryBroker();
  const heard = awaitEvents<Heard>("what the member hears", ({ op }) => op);
  const gateway = createGateway({
    token: "right",
    async connect(src) {
      const engine = await broker.connect(src);
      return Object.assign(engine, { up: Promise.resolve(), tell() {}, figures: async () => Promise.reject() });
    },
    send: (_, { done, items }) => {
      for (const { operation, body } of items) heard.add({ ...operation, body, done });
    },
  });
  let number = 0;
  const say = (...items: Item<ToBroker>[]) => gateway.receive("m", { number: ++number, done: 0, items });
  const src = "c/mailer/1";
  say({ operation: { op: "hello", protocol: 1, token, src, holds: [] }, body: Buffer.alloc(0) });
  const bus = new EventBus({ engine: await broker.connect("c/shop/1"), src: "c/shop/1" });
  const operate = (operation: ToBroker, body: Buffer = Buffer.alloc(0)) => say({ operation, body });
  async function first<Op extends FromBroker["op"]>(op: Op) {
    const isMeant = (one: Heard): one is Heard & { op: Op } => one.op === op;
    const found = await heard.first(isMeant);
    if (!isMeant(found)) throw new Error(`expected ${op}`);
    return found;
  }
  return { gateway, operate, first, bus };
}

const ENVELOPE = {
  ...{ id: "0199", src: "c/mailer/1", sent: 1, session_id: "s" },
  traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
};

test("a member is let in by its token, and greeted once the server is there", async () => {
  const { first } = await open();

  expect(await first("welcome")).toMatchObject({ protocol: 1, stored: "file" });
});

test("another token is refused", async () => {
  const { first, gateway } = await open("wrong");

  expect(await first("refused")).toMatchObject({ code: "ERR_ENGINE_REFUSED" });
  expect(gateway.members()).toEqual([]);
});

test("events reach it and are settled by it; what it has when it is gone goes to others", async () => {
  const { first, operate, gateway, bus } = await open();
  await first("welcome");
  operate({ op: "listen", n: 1, event: "orders.created", group: "mailer", prefetch: 2 });
  await first("done");

  await bus.emit("orders.created", { content: { id: 7 } });
  const given = await first("deliver");
  expect(JSON.parse(given.body.subarray(given.head).toString())).toMatchObject({ content: { id: 7 } });
  operate({
    ...{
      op: "settle",
      g: given.g,
      seq: given.seq,
      attempt: 1,
      verdict: "dead",
      reason: "not-retryable",
      handler: "mail",
    },
    failure: { code: "NO", message: "no mailbox", retryable: false, executed: "yes", remote: { name: "Error" } },
  });
  while ((await bus.operations.deadLetters({})).length === 0) await nextTurn();
  expect(await bus.operations.deadLetters({})).toMatchObject([
    { group: "mailer", reason: "not-retryable", attempts: 1 },
  ]);

  await bus.emit("orders.created", { content: { id: 8 } });
  const taken = deferred<unknown>();
  gateway.lose("m");
  await bus.listen("orders.created", "mailer", ({ content }) => taken.resolve(content));
  expect(await taken.promise).toEqual({ id: 8 });
  expect(gateway.members()).toEqual([]);
});

test("it emits, and calls and serves methods", async () => {
  const { first, operate, bus } = await open();
  await first("welcome");
  await bus.serve("stock", {
    count: () => 3,
    fail: () => {
      throw new ServiceError("EMPTY", "nothing is left");
    },
  });
  operate({ op: "serve", n: 1, service: "mailer", methods: ["ping"] });
  await first("done");

  const call = pack(ENVELOPE, Buffer.from("null"));
  const about = { op: "call", service: "stock", budgetMs: BOUND_MS, isIdempotent: false, head: call.head } as const;
  operate({ ...about, n: 2, method: "count", size: call.bytes.length }, call.bytes);
  expect((await first("result")).body.toString()).toBe("3");
  operate({ ...about, n: 3, method: "fail", size: call.bytes.length }, call.bytes);
  expect(await first("failure")).toMatchObject({ n: 3, failure: { code: "EMPTY", message: "nothing is left" } });

  const pinged = bus.call("mailer.ping", 1, { timeoutMs: BOUND_MS });
  const { c } = await first("request");
  operate({ op: "answer", c, size: 6 }, Buffer.from('"pong"'));
  expect(await pinged).toBe("pong");

  const payload = {
    event_name: "mails.sent",
    content: 1,
    context: {},
    meta: { version: 1, timestamp: 1, session_id: "s" },
  };
  const event = pack(ENVELOPE, Buffer.from(JSON.stringify(payload)));
  operate(
    { op: "emit", n: 4, event: "mails.sent", id: "0199", head: event.head, size: event.bytes.length },
    event.bytes,
  );
  expect(await first("unrouted")).toMatchObject({ n: 4 });
});

test("what a gateway has not is refused", async () => {
  const { first, operate } = await open();
  await first("welcome");

  operate({ op: "tap", n: 1, events: [], calls: [] });

  expect(await first("failed")).toMatchObject({ n: 1, code: "ERR_ENGINE_UNFIT" });
});
