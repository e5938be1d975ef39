// A bus that leaves: what it was doing for others is finished or given back.
import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { ServiceError } from "../../../src/messaging/contract/service-error.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";
import { BOUND_MS } from "../../support/bound.ts";

const PATIENT_POLL = { timeout: BOUND_MS };

async function buses(...names: string[]) {
  const broker = createMemoryBroker();
  return Promise.all(names.map(async (src) => new EventBus({ engine: await broker.connect(src), src })));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

describe("a bus that drains", () => {
  test("finishes what it handles, and gets nothing further", async () => {
    const [emitter, member] = (await buses("emitter", "member")) as [EventBus, EventBus];
    const begun = deferred();
    const finish = deferred();
    const seen: unknown[] = [];
    await member.listen("a.b", "g", async ({ content }) => {
      seen.push(content);
      begun.resolve();
      await finish.promise;
    });
    await member.serve("billing", { get: () => 1 });
    await emitter.emit("a.b", { content: 1 });
    await begun.promise;

    const drained = member.drain();
    // Its subscriptions end before the handler does.
    await expect.poll(() => emitter.operations.services(), PATIENT_POLL).toEqual([]);
    expect(await emitter.emit("a.b", { content: 2 })).toMatchObject({ routed: true });
    finish.resolve();

    expect(await drained).toBe(true);
    expect(seen).toEqual([1]);
    expect(await emitter.operations.queues()).toMatchObject([{ ready: 1, in_flight: 0 }]);
  });

  test("gives back what is not settled in time, with 100 handlers under way", async () => {
    const [emitter, leaver, other] = (await buses("emitter", "leaver", "other")) as [EventBus, EventBus, EventBus];
    const allBegun = deferred();
    const allDone = deferred();
    const signals: AbortSignal[] = [];
    await leaver.listen(
      "a.b",
      "g",
      async ({ signal }) => {
        signals.push(signal);
        if (signals.length === 100) allBegun.resolve();
        await aborted(signal);
      },
      { prefetch: 100 },
    );
    for (let id = 0; id < 100; id += 1) await emitter.emit("a.b", { content: id });
    await allBegun.promise;
    const handled = new Map<number, number>();
    await other.listen("a.b", "g", ({ content, attempt }) => {
      handled.set(content as number, attempt);
      if (handled.size === 100) allDone.resolve();
    });

    expect(await leaver.drain(0)).toBe(false);
    await allDone.promise;

    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(new Set(handled.values())).toEqual(new Set([2]));
  });

  test("tells a method that its caller will not be waited for", async () => {
    const [caller, leaver] = (await buses("caller", "leaver")) as [EventBus, EventBus];
    const begun = deferred();
    await leaver.serve("slow", {
      async wait(_: never, { signal }) {
        begun.resolve();
        await aborted(signal);
        return "stopped early";
      },
    });
    const answer = caller.call("slow.wait");
    await begun.promise;

    expect(await leaver.drain(0)).toBe(false);

    expect(await answer).toBe("stopped early");
  });

  test("waits for work of its service as well", async () => {
    const [bus] = (await buses("one")) as [EventBus];
    const work = deferred();
    bus.holdOpen(work.promise);

    expect(await bus.drain(0)).toBe(false);
    const drained = bus.drain();
    work.resolve();

    expect(await drained).toBe(true);
  });
});

test("a bus that closes aborts the events that it has", async () => {
  const [emitter, member] = (await buses("emitter", "member")) as [EventBus, EventBus];
  const begun = deferred();
  const over = deferred();
  await member.listen("a.b", "g", async ({ signal }) => {
    begun.resolve();
    await aborted(signal);
    over.resolve();
  });
  await emitter.emit("a.b", { content: 1 });
  await begun.promise;

  await member.close();

  await over.promise;
});

test("the services that are served are listed with their methods and instances", async () => {
  const [first, second] = (await buses("first", "second")) as [EventBus, EventBus];
  await first.serve("billing", { get: () => 1 });
  await second.serve("billing", { get: () => 1, pay: () => 2 });
  await second.serve("mail", {});

  expect(await first.operations.services()).toEqual([
    { service: "billing", methods: ["get", "pay"], instances: 2 },
    { service: "mail", methods: [], instances: 1 },
  ]);
  await second.close();
  await expect
    .poll(() => first.operations.services(), PATIENT_POLL)
    .toEqual([{ service: "billing", methods: ["get"], instances: 1 }]);
});

test("errors of another copy of zcontext are known", async () => {
  const path = "../../../src/messaging/contract/service-error.ts?copy";
  const copy: typeof import("../../../src/messaging/contract/service-error.ts") = await import(path);
  expect(copy.ServiceError).not.toBe(ServiceError);
  const [caller, callee] = (await buses("caller", "callee")) as [EventBus, EventBus];
  await callee.serve("shop", {
    buy() {
      throw new copy.ServiceError("OUT_OF_STOCK", "none left", { details: { sku: 1 }, retryable: true });
    },
  });
  await callee.listen("a.b", "g", () => {
    throw new copy.NonRetryableError("never");
  });

  const refusal = { code: "OUT_OF_STOCK", details: { sku: 1 }, retryable: true };
  await expect(caller.call("shop.buy")).rejects.toMatchObject(refusal);
  await caller.emit("a.b", { content: 1 });
  await expect.poll(() => caller.operations.deadLetters({}), PATIENT_POLL).toMatchObject([{ reason: "not-retryable" }]);
});
