// Two engines in memory, and bridges between them.
import { afterEach, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { createMemoryStorage } from "../../../src/messaging/claims/memory-storage.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { type BridgeOptions, EventBus, ServiceError } from "../../../src/messaging/index.ts";
import { aborted, gather } from "../../conformance/members.ts";
import { BOUND_MS } from "../../support/bound.ts";

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function keep<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

/** An engine of its own, with a store of large bodies of its own. */
function openEngine(name: string, limits: { queueLength?: number } = {}, storage = createMemoryStorage()) {
  const broker = keep(createMemoryBroker({ limits }));
  return {
    name,
    async connect(service: string): Promise<EventBus> {
      const src = `context001/${service}/1`;
      return keep(new EventBus({ engine: await broker.connect(src), src, storage }));
    },
  };
}

/** A store that has lost all that it was given. */
const lossy = { storeMessage: async () => "token", recoverMessage: async () => undefined };

type Engine = ReturnType<typeof openEngine>;

async function openBridge(from: Engine, to: Engine, options: Partial<BridgeOptions>) {
  const [here, there] = [await from.connect("bridge"), await to.connect("bridge")];
  return keep(await here.bridgeTo(there, { places: { from: from.name, to: to.name }, ...options }));
}

test("an event reaches the groups of the other engine as it was emitted", async () => {
  const [old, next] = [openEngine("old"), openEngine("new")];
  const [shop, billing] = [await old.connect("shop"), await next.connect("billing")];
  const heard = deferred<object>();
  await billing.listen("orders.created", "billing", ({ id, content, context, meta, headers }) =>
    heard.resolve({ id, content, context, session: meta.session_id, headers }),
  );
  const taps = deferred<object>();
  await billing.operations.tap(
    { events: ["*"], calls: [], signals: [] },
    { onMessage: ({ envelope }) => taps.resolve(envelope), onMissed() {} },
  );
  await openBridge(old, next, { events: ["orders.created"] });

  const { id } = await shop.emit(
    "orders.created",
    { content: { id: 7 }, context: { tenant: "t1" }, headers: { colour: "red" } },
    { sessionId: "s1", ttlMs: 60_000 },
  );

  expect(await heard.promise).toEqual({
    ...{ id, content: { id: 7 }, context: { tenant: "t1" }, session: "s1" },
    headers: { colour: "red", "zc-passed": "old" },
  });
  expect(await taps.promise).toMatchObject({
    ...{ id, src: "context001/shop/1", session_id: "s1", ttl_ms: 60_000 },
    traceparent: expect.stringMatching(/^00-/),
  });
});

test("bridges in both directions, and in a circle of three, pass each event once to each engine", async () => {
  const engines = [openEngine("a"), openEngine("b"), openEngine("c")] as [Engine, Engine, Engine];
  const [a, b, c] = engines;
  const heard = new Map<string, unknown[]>();
  const buses = await Promise.all(engines.map((engine) => engine.connect("listener")));
  for (const [index, bus] of buses.entries()) {
    const got: unknown[] = [];
    heard.set(engines[index]?.name ?? "", got);
    await bus.listen("orders.created", "listener", ({ content }) => void got.push(content));
  }
  const pairs: [Engine, Engine][] = [
    [a, b],
    [b, a],
    [b, c],
    [c, b],
    [c, a],
    [a, c],
  ];
  for (const [from, to] of pairs) await openBridge(from, to, { events: ["orders.created"], group: `to-${to.name}` });
  for (const [index, bus] of buses.entries()) await bus.emit("orders.created", { content: index });

  const waiting = async () => {
    const queues = await Promise.all(buses.map((bus) => bus.operations.queues()));
    return queues.flat().reduce((sum, { ready, in_flight, delayed }) => sum + ready + in_flight + delayed, 0);
  };
  await expect.poll(() => [...heard.values()].map((got) => got.length), { timeout: BOUND_MS }).toEqual([3, 3, 3]);
  // Then nothing is under way any more.
  await expect.poll(waiting, { timeout: BOUND_MS }).toBe(0);
  expect([...heard.values()].map((got) => got.toSorted())).toEqual([
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
  ]);
});

test("an event that the other engine does not take waits, is said so, and passes later", async () => {
  const [old, next] = [openEngine("old"), openEngine("new", { queueLength: 1 })];
  const [shop, billing] = [await old.connect("shop"), await next.connect("billing")];
  const [release, waits] = [deferred(), deferred<unknown>()];
  const heard = gather<unknown>(3);
  await billing.listen(
    "orders.created",
    "billing",
    async ({ content }) => {
      await release.promise;
      heard.add(content);
    },
    { prefetch: 1 },
  );
  await openBridge(old, next, { events: ["orders.created"], onWait: (_, error) => waits.resolve(error) });
  for (let i = 0; i < 3; i += 1) await shop.emit("orders.created", { content: i });

  expect(await waits.promise).toMatchObject({ code: "ERR_OVERLOADED" });
  expect((await shop.operations.queues())[0]).toMatchObject({ group: "bridge", dead: 0 });
  release.resolve();
  await heard.full;
  expect(heard.got.toSorted()).toEqual([0, 1, 2]);
});

test("a bridge that is closed gives back what waits, and another one passes it", async () => {
  const [old, next] = [openEngine("old"), openEngine("new", { queueLength: 1 })];
  const [shop, billing] = [await old.connect("shop"), await next.connect("billing")];
  const [release, waits] = [deferred(), deferred()];
  const heard = gather<unknown>(2);
  await billing.listen("orders.created", "billing", async ({ content }) => {
    await release.promise;
    heard.add(content);
  });
  const first = await openBridge(old, next, { events: ["orders.created"], onWait: () => waits.resolve() });
  for (let i = 0; i < 2; i += 1) await shop.emit("orders.created", { content: i });
  await waits.promise;
  await first.close();

  await expect
    .poll(() => shop.operations.queues(), { timeout: BOUND_MS })
    .toMatchObject([{ ready: 1, in_flight: 0, members: 0 }]);
  release.resolve();
  await openBridge(old, next, { events: ["orders.created"] });
  await heard.full;
});

test("large bodies are in the store of the engine where they are read", async () => {
  const [old, next] = [openEngine("old"), openEngine("new")];
  const [shop, billing] = [await old.connect("shop"), await next.connect("billing")];
  const large = "x".repeat(1_100_000);
  const heard = deferred<unknown>();
  await billing.listen("orders.created", "billing", ({ content }) => heard.resolve(content));
  await billing.serve("billing", { echo: (params: string) => params });
  await openBridge(old, next, { events: ["orders.created"], methods: ["billing.echo"] });

  await shop.emit("orders.created", { content: large });
  expect((await heard.promise) === large).toBe(true);
  expect((await shop.call("billing.echo", large)) === large).toBe(true);
});

test("what has expired is a dead letter of the bridge", async () => {
  const [old, next] = [openEngine("old", {}, lossy), openEngine("new")];
  const shop = await old.connect("shop");
  await openBridge(old, next, { events: ["orders.created"] });
  await shop.emit("orders.created", { content: "x".repeat(1_100_000) });

  await expect
    .poll(() => shop.operations.deadLetters({}), { timeout: BOUND_MS })
    .toMatchObject([{ group: "bridge", reason: "claim", handler: "bridge to new" }]);
});

test("a method of the other engine is called with its deadline, and answers with results and errors as they are", async () => {
  const [old, next] = [openEngine("old"), openEngine("new")];
  const [shop, billing] = [await old.connect("shop"), await next.connect("billing")];
  const given = deferred<unknown>();
  await billing.serve("billing", {
    double: ({ n }: { n: number }) => n * 2,
    who: (_, { src, headers }) => ({ src, passed: headers["zc-passed"] ?? null }),
    refuse() {
      throw new ServiceError("OUT_OF_STOCK", "none left", { details: { left: 0 }, retryable: true });
    },
    async hang(_, { signal }) {
      await aborted(signal);
      given.resolve(true);
    },
  });
  const methods = ["double", "who", "refuse", "hang", "missing"].map((method) => `billing.${method}`);
  await openBridge(old, next, { methods });

  expect(await shop.call("billing.double", { n: 4 })).toBe(8);
  expect(await shop.call("billing.who")).toEqual({ src: "context001/shop/1", passed: "old" });
  await expect(shop.call("billing.refuse")).rejects.toMatchObject({
    ...{ code: "OUT_OF_STOCK", message: "none left", details: { left: 0 }, retryable: true, executed: "yes" },
  });
  await expect(shop.call("billing.missing")).rejects.toMatchObject({ code: "ERR_METHOD_UNKNOWN" });
  await expect(shop.call("billing.hang", null, { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_CALL_TIMEOUT" });
  await given.promise;
});

test("a method that is bridged in a circle is unknown, and one that nobody serves there as well", async () => {
  const [old, next] = [openEngine("old"), openEngine("new")];
  const shop = await old.connect("shop");
  await openBridge(old, next, { methods: ["billing.get"] });
  await expect(shop.call("billing.get")).rejects.toMatchObject({ code: "ERR_SERVICE_UNKNOWN" });
  await openBridge(next, old, { methods: ["billing.get"] });

  await expect(shop.call("billing.get")).rejects.toMatchObject({
    ...{ code: "ERR_SERVICE_UNKNOWN", message: "billing.get is bridged in a circle", executed: "no" },
  });
});

test.each<[string, Partial<BridgeOptions>, string]>([
  ["the same engine at both ends", { places: { from: "old", to: "old" } }, "ERR_USAGE"],
  ["a name that is none", { events: ["orders"] }, "ERR_EVENT_NAME"],
  ["a method without its service", { methods: ["get_invoice"] }, "ERR_METHOD_UNKNOWN"],
  ["a group that is none", { group: "two words" }, "ERR_EVENT_NAME"],
])("a bridge refuses %s", async (_, options, code) => {
  await expect(openBridge(openEngine("old"), openEngine("new"), options)).rejects.toMatchObject({ code });
});
