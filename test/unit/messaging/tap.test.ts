import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { createTaps, isLike } from "../../../src/messaging/embedded/taps.ts";
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

interface Copy {
  kind: "event" | "call";
  name: string;
  head: number;
  body: Buffer;
}

function message(size: number, about: Partial<Copy> = {}): Copy {
  return { kind: "event", name: "orders.created", head: 0, body: Buffer.alloc(size), ...about };
}

describe("a tap that is not read", () => {
  function tapping() {
    const told: (number | string)[] = [];
    const taps = createTaps<Copy>({
      tapped: (_, { body }) => void told.push(body.length),
      missed: (_, copies) => void told.push(`missed ${copies}`),
    });
    taps.open("m", { events: ["orders.*"], calls: [], signals: [] });
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
      { events: ["orders.*"], calls: ["*"], signals: [] },
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

  test("sees signals on the topics that it asks for", async () => {
    const { bus, watcher } = await watched();
    const seen = deferred<unknown>();
    await watcher.operations.tap(
      { events: [], calls: [], signals: ["temp*"] },
      {
        async onMessage({ kind, name, envelope: { src }, body }) {
          seen.resolve({ kind, name, src, content: await watcher.readBody(body) });
        },
        onMissed() {},
      },
    );

    bus.publish("humidity", 1);
    bus.publish("temperature", 22);

    expect(await seen.promise).toEqual({ kind: "signal", name: "temperature", src: "test/emitter/1", content: 22 });
  });

  test("of signals that is not read loses those beyond a bound, and hears how many", async () => {
    const { bus, watcher } = await watched();
    const [gate, missed] = [deferred(), deferred<number | undefined>()];
    await watcher.operations.tap(
      { events: [], calls: [], signals: ["*"] },
      { onMessage: () => gate.promise, onMissed: missed.resolve },
    );
    const last = deferred();
    await watcher.subscribe("last", () => last.resolve());

    for (let i = 0; i < 600; i += 1) bus.publish("temperature", i);
    bus.publish("last", 1);
    await last.promise;
    gate.resolve();

    expect(await missed.promise).toBe(601 - 512);
  });

  test("whose handler does not return holds up nobody, and hears what it has lost", async () => {
    const { bus, watcher } = await watched();
    const gate = deferred();
    const missed = deferred<number | undefined>();
    let seen = 0;
    await watcher.operations.tap(
      { events: ["*"], calls: [], signals: [] },
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
    const first = await watcher.operations.tap({ events: ["*"], calls: [], signals: [] }, handler);
    await first.close();
    await bus.emit("a.first", { content: 1 });
    await watcher.operations.tap({ events: ["*"], calls: [], signals: [] }, handler);
    await bus.emit("a.second", { content: 2 });
    await watcher.operations.queues();
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual(["a.second"]);
  });
});
