import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { NonRetryableError, ServiceError } from "../../../src/messaging/contract/service-error.ts";
import { createMemoryBroker, type MemoryOptions } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";

async function buses(count: number, options: MemoryOptions = {}) {
  const broker = createMemoryBroker(options);
  return Promise.all(
    Array.from(
      { length: count },
      async (_, i) => new EventBus({ engine: await broker.connect(`test/bus/${i}`), src: `test/bus/${i}` }),
    ),
  );
}

function counter(target: number) {
  const done = deferred();
  const seen: number[] = [];
  return {
    seen,
    done: done.promise,
    add(value: number) {
      seen.push(value);
      if (seen.length === target) done.resolve();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

describe("an event", () => {
  test("reaches each group once, shared among its members", async () => {
    const [emitter, ...members] = (await buses(7)) as [EventBus, ...EventBus[]];
    const groups = { billing: counter(1000), mail: counter(1000) };
    for (const [i, bus] of members.entries()) {
      const group = i < 3 ? "billing" : "mail";
      await bus.listen("orders.created", group, ({ content }) => groups[group].add((content as { id: number }).id));
    }
    const receipts = await Promise.all(
      Array.from({ length: 1000 }, (_, id) => emitter.emit("orders.created", { content: { id } })),
    );
    expect(receipts.every(({ routed }) => routed)).toBe(true);
    await Promise.all([groups.billing.done, groups.mail.done]);
    for (const { seen } of Object.values(groups)) expect(new Set(seen).size).toBe(1000);
  });

  test("that nobody has wanted yet is held for the first group that listens", async () => {
    const [emitter, late] = (await buses(2)) as [EventBus, EventBus];
    expect(await emitter.emit("a.b", { content: 1 })).toMatchObject({ routed: false, stored: "memory" });
    const got = counter(1);
    await late.listen("a.b", "g", ({ content }) => got.add(content as number));
    await got.done;
    expect(got.seen).toEqual([1]);
  });

  test("that requires a route is refused when nobody listens in time", async () => {
    const [emitter] = (await buses(1, { limits: { holdMs: 1 } })) as [EventBus];
    await expect(emitter.emit("a.b", { content: 1 }, { requireRoute: true })).rejects.toMatchObject({
      code: "ERR_EVENT_UNROUTED",
    });
  });

  test("that fails is tried six times, then a dead letter that can be replayed", async () => {
    const [emitter, member] = (await buses(2)) as [EventBus, EventBus];
    const attempts: number[] = [];
    const healthy = deferred<number>();
    let isBroken = true;
    await member.listen(
      "a.b",
      "g",
      (event) => {
        attempts.push(event.attempt);
        if (isBroken) throw new TypeError("no stock");
        healthy.resolve(event.attempt);
      },
      { retry: { minDelayMs: 1 }, handlerName: "stock" },
    );
    await emitter.emit("a.b", { content: 1 });
    const [letter] = await expect
      .poll(() => emitter.operations.deadLetters({}), { timeout: 60_000 })
      .toHaveLength(1)
      .then(() => emitter.operations.deadLetters({}));
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
    expect(letter).toMatchObject({
      reason: "attempts",
      attempts: 6,
      handler: "stock",
      error: { name: "TypeError", message: "no stock" },
    });
    isBroken = false;
    expect(await emitter.operations.replay([letter?.id ?? ""])).toBe(1);
    expect(await healthy.promise).toBe(1);
    expect(await emitter.operations.deadLetters({})).toEqual([]);
  });

  test("of a member that leaves goes to another one as a further attempt", async () => {
    const [emitter, first, second] = (await buses(3)) as [EventBus, EventBus, EventBus];
    const taken = deferred();
    const again = deferred<number>();
    await first.listen("a.b", "g", async (event) => {
      taken.resolve();
      await aborted(event.signal);
    });
    await emitter.emit("a.b", { content: 1 });
    await taken.promise;
    await second.listen("a.b", "g", ({ attempt }) => again.resolve(attempt));
    await first.close();
    expect(await again.promise).toBe(2);
  });

  test("that can't succeed is a dead letter at once", async () => {
    const [emitter, member] = (await buses(2)) as [EventBus, EventBus];
    await member.listen("a.b", "g", () => {
      throw new NonRetryableError("never");
    });
    await member.listen("a.c", "g", () => {}, { content: { type: "object", required: ["id"] } });
    await emitter.emit("a.b", { content: 1 });
    await emitter.emit("a.c", { content: {} });
    await expect.poll(() => emitter.operations.deadLetters({}), { timeout: 60_000 }).toHaveLength(2);
    const letters = await emitter.operations.deadLetters({});
    expect(letters.map(({ reason }) => reason).sort()).toEqual(["not-retryable", "schema"]);
  });

  test("above the bound of a queue is refused", async () => {
    const [emitter, member] = (await buses(2, { limits: { queueLength: 3 } })) as [EventBus, EventBus];
    await member.listen("a.b", "g", ({ signal }) => aborted(signal), { prefetch: 1 });
    for (let i = 0; i < 3; i += 1) await emitter.emit("a.b", { content: i });
    await expect(emitter.emit("a.b", { content: 4 })).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
  });
});

describe("a call", () => {
  test("is answered, with the deadline inherited by what it leads to", async () => {
    const [caller, callee] = (await buses(2)) as [EventBus, EventBus];
    await callee.serve("billing", { get: (params: { id: number }) => ({ id: params.id, total: 3 }) });
    await callee.serve("front", {
      get: (params: never, { bus }) => bus.call("billing.get", params, { timeoutMs: 50_000 }),
    });
    expect(await caller.call("front.get", { id: 7 })).toEqual({ id: 7, total: 3 });
  });

  test("carries the error of the service", async () => {
    const [caller, callee] = (await buses(2)) as [EventBus, EventBus];
    await callee.serve("shop", {
      buy: () => {
        throw new ServiceError("OUT_OF_STOCK", "none left", { details: { sku: 1 }, retryable: true });
      },
    });
    await expect(caller.call("shop.buy")).rejects.toMatchObject({
      code: "OUT_OF_STOCK",
      details: { sku: 1 },
      retryable: true,
      executed: "yes",
      service: "shop",
      method: "buy",
    });
    await expect(caller.call("shop.constructor")).rejects.toMatchObject({ code: "ERR_METHOD_UNKNOWN", executed: "no" });
    await expect(caller.call("nobody.at_home")).rejects.toMatchObject({ code: "ERR_SERVICE_UNKNOWN", executed: "no" });
  });

  test("whose callee leaves is lost", async () => {
    const [caller, callee] = (await buses(2)) as [EventBus, EventBus];
    const begun = deferred();
    const aborted = deferred();
    await callee.serve("slow", {
      wait: (_: never, { signal }) =>
        new Promise((r) => {
          begun.resolve();
          signal.addEventListener("abort", () => {
            aborted.resolve();
            r(1);
          });
        }),
    });
    const answer = caller.call("slow.wait").catch((error: unknown) => error);
    await begun.promise;
    await callee.close();
    expect(await answer).toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
  });

  test("that is given up is aborted at the callee", async () => {
    const [caller, callee] = (await buses(2)) as [EventBus, EventBus];
    const begun = deferred();
    const aborted = deferred();
    await callee.serve("slow", {
      wait: (_: never, { signal }) =>
        new Promise((r) => {
          begun.resolve();
          signal.addEventListener("abort", () => {
            aborted.resolve();
            r(1);
          });
        }),
    });
    const controller = new AbortController();
    const answer = caller.call("slow.wait", null, { signal: controller.signal }).catch((error: unknown) => error);
    await begun.promise;
    controller.abort();
    expect(await answer).toMatchObject({ code: "ERR_CALL_TIMEOUT" });
    await aborted.promise;
  });
});

test("a signal reaches all that listen, and one of each queue", async () => {
  const [publisher, ...listeners] = (await buses(4)) as [EventBus, ...EventBus[]];
  const all = counter(9);
  const shared = counter(3);
  for (const bus of listeners) {
    await bus.subscribe("temperature", (content) => all.add(content as number));
    await bus.subscribe("temperature", (content) => shared.add(content as number), { queue: "q" });
  }
  for (let i = 0; i < 3; i += 1) publisher.publish("temperature", i);
  await Promise.all([all.done, shared.done]);
  expect(shared.seen).toEqual([0, 1, 2]);
});
