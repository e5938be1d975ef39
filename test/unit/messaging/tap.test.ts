import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { type Copy, createTaps, isLike } from "../../../src/messaging/embedded/taps.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";

describe("a pattern", () => {
  test.each([
    ["*", "orders.created"],
    ["orders.*", "orders.created"],
    ["*.created", "orders.created"],
    ["o*s.*d", "orders.created"],
    ["orders.created", "orders.created"],
    ["**", ""],
    ["orders.created*", "orders.created"],
  ])("%s is like %s", (pattern, name) => {
    expect(isLike(pattern, name)).toBe(true);
  });

  test.each([
    ["orders", "orders.created"],
    ["orders.*", "order.created"],
    ["*.created", "orders.created.again"],
    ["orders*orders", "orders"],
    ["a*b*c", "acb"],
    ["a.b", "axb"],
    ["", "a.b"],
  ])("%s is not like %s", (pattern, name) => {
    expect(isLike(pattern, name)).toBe(false);
  });

  test("of many stars takes no longer for it", () => {
    expect(isLike(`${"*a".repeat(2_000)}*b`, "a".repeat(20_000))).toBe(false);
  });
});

function message(size: number, about: Partial<Copy> = {}): Copy {
  return { kind: "event", name: "orders.created", head: 0, body: Buffer.alloc(size), ...about };
}

describe("a tap that is not read", () => {
  function tapping() {
    const told: (number | string)[] = [];
    const taps = createTaps({
      tapped: (_, { body }) => void told.push(body.length),
      missed: (_, copies) => void told.push(`missed ${copies}`),
    });
    taps.open("m", { events: ["orders.*"], calls: [] });
    return { taps, told };
  }

  test("has 512 copies at most, and hears before the next one how many were lost", () => {
    const { taps, told } = tapping();

    for (let i = 0; i < 600; i += 1) taps.copy(message(1));
    expect(told).toHaveLength(512);
    taps.taken("m", 1);
    taps.copy(message(7));

    expect(told.slice(512)).toEqual(["missed 88", 7]);
  });

  test("has 4 MiB at most", () => {
    const { taps, told } = tapping();

    for (let i = 0; i < 5; i += 1) taps.copy(message(2 ** 20));

    expect(told).toHaveLength(4);
  });

  test("loses nothing that it has not asked for", () => {
    const { taps, told } = tapping();

    for (let i = 0; i < 600; i += 1) {
      taps.copy(message(1, { name: "stock.moved" }));
      taps.copy(message(1, { kind: "call", name: "orders.get" }));
    }
    taps.taken("m", 1);

    expect(told).toEqual([]);
  });
});

describe("through the broker, a tap", () => {
  async function watched() {
    const broker = createMemoryBroker();
    const [bus, watcher] = await Promise.all(
      ["test/emitter/1", "test/watcher/1"].map(async (src) => new EventBus({ engine: await broker.connect(src), src })),
    );
    return { bus: bus as EventBus, watcher: watcher as EventBus };
  }

  test("sees events and calls with their senders, in their order", async () => {
    const { bus, watcher } = await watched();
    const seen: unknown[] = [];
    const all = deferred();
    const tap = await watcher.operations.tap(
      { events: ["orders.*"], calls: ["*"] },
      {
        async onMessage({ kind, name, envelope: { src }, body }) {
          seen.push([kind, name, src, await watcher.readBody(body)]);
          if (seen.length === 3) all.resolve();
        },
        onMissed() {},
      },
    );

    await bus.emit("orders.created", { content: 1 });
    await bus.emit("stock.moved", { content: 2 });
    await bus.call("billing.get", { id: 3 }).catch(() => {});
    await bus.emit("orders.paid", { content: 4 });
    await all.promise;

    expect(seen).toMatchObject([
      ["event", "orders.created", "test/emitter/1", { event_name: "orders.created", content: 1 }],
      ["call", "billing.get", "test/emitter/1", { id: 3 }],
      ["event", "orders.paid", "test/emitter/1", { content: 4 }],
    ]);
    await tap.close();
  });

  test("whose handler does not return holds up nobody, and hears what it has lost", async () => {
    const { bus, watcher } = await watched();
    const gate = deferred();
    const missed = deferred<number | undefined>();
    let seen = 0;
    await watcher.operations.tap(
      { events: ["*"], calls: [] },
      {
        onMessage() {
          seen += 1;
          return gate.promise;
        },
        onMissed: missed.resolve,
      },
    );

    await Promise.all(Array.from({ length: 2_000 }, (_, id) => bus.emit("a.b", { content: id })));
    gate.resolve();

    expect(await missed.promise).toBe(2_000 - seen);
    expect(seen).toBe(512);
  });

  test("that was closed gets nothing more", async () => {
    const { bus, watcher } = await watched();
    const seen: string[] = [];
    const handler = { onMessage: ({ name }: { name: string }) => void seen.push(name), onMissed() {} };
    const first = await watcher.operations.tap({ events: ["*"], calls: [] }, handler);
    await first.close();
    await bus.emit("a.first", { content: 1 });
    await watcher.operations.tap({ events: ["*"], calls: [] }, handler);
    await bus.emit("a.second", { content: 2 });
    await watcher.operations.queues();
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual(["a.second"]);
  });
});
