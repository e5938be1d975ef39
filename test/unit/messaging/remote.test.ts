import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import type { ServerEngine } from "../../../src/messaging/contract/server.ts";
import { NonRetryableError, ServiceError } from "../../../src/messaging/contract/service-error.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";
import { createRemoteCalls, type RemoteCalls } from "../../../src/messaging/remote/calls.ts";
import { countEngine } from "../../../src/messaging/remote/counted-engine.ts";
import { createMemberFigures } from "../../../src/messaging/remote/member-figures.ts";
import { createRemoteSignals } from "../../../src/messaging/remote/signals.ts";
import { nameOf, wordOf } from "../../../src/messaging/remote/subjects.ts";
import { createServerTap } from "../../../src/messaging/remote/tap.ts";
import { testCalls } from "../../conformance/calls.ts";
import { aborted, gather } from "../../conformance/members.ts";
import { testSignals } from "../../conformance/signals.ts";
import { BOUND_MS } from "../../support/bound.ts";
import { createInProcessServer } from "../../support/in-process-post.ts";

interface Member {
  engine: ServerEngine;
  calls: RemoteCalls;
  /** As the death of its process. */
  cut(): void;
}

/** Members whose calls and signals go over a server; their events do not matter here. */
function openMembers() {
  const broker = createMemoryBroker();
  const server = createInProcessServer();
  const closings: (() => Promise<void>)[] = [];

  async function member(src: string): Promise<Member> {
    const events = await broker.connect(src);
    const { post, cut } = server.connect();
    const life = randomUUID();
    const calls = createRemoteCalls(post, life);
    const signals = createRemoteSignals({ post, life, src });
    calls.up();
    const close = async () => {
      await Promise.all([calls.close(), signals.close()]);
      await new Promise(setImmediate);
      cut();
      await events.close();
    };
    const { call, serve } = calls;
    const { publish, subscribe, signalFigures } = signals;
    const tapEvents = async () => Promise.reject(new Error("these members have no events"));
    const tap = createServerTap({ post, tapSignals: signals.tap, tapEvents });
    const operations = { ...events.operations, tap, services: calls.services };
    const figures = createMemberFigures(src);
    const engine = countEngine(
      {
        ...events,
        ...{ trouble: undefined, call, serve, publish, subscribe, signalFigures, operations, close },
        ...{ up: Promise.resolve(), tell: calls.tell },
      },
      { post, life, figures, underWay: calls.underWay },
    );
    closings.push(engine.close);
    return { engine, calls, cut };
  }

  return {
    member,
    server,
    connect: async (src: string) => (await member(src)).engine,
    async [Symbol.asyncDispose]() {
      await Promise.all(closings.map((close) => close()));
      await broker[Symbol.asyncDispose]();
    },
  };
}

testCalls("a server that moves messages", async () => openMembers());
testSignals("a server that moves messages", async () => openMembers());

async function twoMembers() {
  const members = openMembers();
  const [caller, callee] = await Promise.all([members.member("a/caller/1"), members.member("a/callee/1")]);
  const buses = { caller: new EventBus({ ...caller, src: "" }), callee: new EventBus({ ...callee, src: "" }) };
  return { ...{ members, caller, callee, buses }, [Symbol.asyncDispose]: () => members[Symbol.asyncDispose]() };
}

test("a call to a service that starts waits for it", async () => {
  await using all = await twoMembers();
  const supervisor = await all.members.member("a/supervisor/1");
  supervisor.calls.tell(new Map([["late", "starting"]]));
  // Until the supervisor answers for it.
  const code = () => all.buses.caller.call("late.get", null, { timeoutMs: 50 }).catch(({ code }) => code);
  await expect.poll(code, { timeout: BOUND_MS }).toBe("ERR_CALL_TIMEOUT");

  const answer = all.buses.caller.call("late.get", null, { timeoutMs: BOUND_MS });
  await all.buses.callee.serve("late", { get: () => "there" });

  expect(await answer).toBe("there");
});

test("a call to a service that starts in vain is refused", async () => {
  await using all = await twoMembers();
  const supervisor = await all.members.member("a/supervisor/1");
  supervisor.calls.tell(new Map([["late", "starting"]]));
  const code = () => all.buses.caller.call("late.get", null, { timeoutMs: 50 }).catch(({ code }) => code);
  await expect.poll(code, { timeout: BOUND_MS }).toBe("ERR_CALL_TIMEOUT");

  const answer = all.buses.caller.call("late.get", null, { timeoutMs: BOUND_MS });
  supervisor.calls.tell(new Map());

  await expect(answer).rejects.toMatchObject({ code: "ERR_SERVICE_UNKNOWN", executed: "no" });
});

test("a callee whose process dies loses its calls", async () => {
  await using all = await twoMembers();
  const begun = deferred();
  await all.buses.callee.serve("slow", {
    wait(_: never, { signal }) {
      begun.resolve();
      return aborted(signal);
    },
  });
  const answer = all.buses.caller.call("slow.wait", null, { timeoutMs: BOUND_MS });
  await begun.promise;

  all.callee.cut();

  await expect(answer).rejects.toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
});

test("a call that can't have arrived goes to another instance", async () => {
  await using all = await twoMembers();
  const other = await all.members.member("a/other/1");
  await all.buses.callee.serve("two", { which: () => "first" });
  expect(await all.buses.caller.call("two.which")).toBe("first");

  all.callee.cut();
  await new EventBus({ ...other, src: "" }).serve("two", { which: () => "second" });

  expect(await all.buses.caller.call("two.which")).toBe("second");
});

test("calls fail when the connection is lost, and those that may be repeated go on after it", async () => {
  await using all = await twoMembers();
  const taken = gather<string>(2);
  const release = deferred();
  await all.buses.callee.serve("slow", {
    async wait(name: string) {
      taken.add(name);
      await release.promise;
      return name;
    },
  });
  const once = all.buses.caller.call("slow.wait", "once").catch((error: unknown) => error);
  const again = all.buses.caller.call("slow.wait", "again", { idempotent: true });
  await taken.full;

  all.caller.calls.down("the server is away");
  const meanwhile = all.buses.caller.call("slow.wait", "meanwhile");
  all.caller.calls.up();
  release.resolve();

  expect(await once).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE", executed: "unknown" });
  expect(await Promise.all([again, meanwhile])).toEqual(["again", "meanwhile"]);
  expect(taken.got.toSorted()).toEqual(["again", "meanwhile", "once"]);
});

test("services are listed with their methods and instances", async () => {
  await using all = await twoMembers();
  for (const bus of Object.values(all.buses)) await bus.serve("shop", { buy: () => 1, sell: () => 2 });

  expect(await all.caller.engine.operations.services()).toEqual([
    { service: "shop", methods: ["buy", "sell"], instances: 2 },
  ]);
});

test("what members send, handle, serve and hear is summed, and stays when they have ended", async () => {
  await using all = await twoMembers();
  const { caller, callee } = all.buses;
  const watcher = await all.members.member("a/watcher/1");
  await watcher.engine.figures();
  await callee.serve("shop", {
    buy: () => 1,
    fail() {
      throw new ServiceError("OUT_OF_STOCK", "none left");
    },
  });
  const settled = gather<unknown>(3);
  await callee.listen("orders.created", "billing", ({ content }) => {
    settled.add(content);
    if (content === "bad") throw new NonRetryableError("no");
  });
  const heard = gather<unknown>(2);
  await callee.subscribe("t", (content) => heard.add(content));
  for (const content of ["good", "good", "bad"]) await caller.emit("orders.created", { content });
  for (const number of [1, 2]) caller.publish("t", number);
  await caller.call("shop.buy");
  await caller.call("shop.fail").catch(() => {});
  await Promise.all([settled.full, heard.full]);

  const sum = async () => {
    const { groups, methods, senders, signals, members } = await watcher.engine.figures();
    const codes = Object.fromEntries(methods.map(({ method, codes, services }) => [method, { codes, services }]));
    const durations = methods.map(({ durations }) => durations.counts.reduce((all, count) => all + count, 0));
    return { groups: groups.map(({ handling, ...counts }) => counts), codes, durations, senders, signals, members };
  };
  const counts = {
    groups: [
      {
        event: "orders.created",
        group: "billing",
        acked: 2,
        retried: 0,
        lost: 0,
        dropped: 0,
        dead: 1,
        services: ["callee"],
      },
    ],
    codes: {
      "shop.buy": { codes: { ok: 1 }, services: ["callee"] },
      "shop.fail": { codes: { OUT_OF_STOCK: 1 }, services: ["callee"] },
    },
    durations: [1, 1],
    senders: expect.arrayContaining([
      { kind: "event", name: "orders.created", service: "caller", sent: 3 },
      { kind: "call", name: "shop.buy", service: "caller", sent: 1 },
    ]),
    signals: [{ topic: "t", publisher: "caller", subscriber: "callee", received: 2, lost: 0 }],
    members: 3,
  };
  await expect.poll(sum, { timeout: BOUND_MS }).toEqual(counts);

  await Promise.all(Object.values(all.buses).map((bus) => bus.close()));

  expect(await sum()).toEqual(counts);
});

test("calls are copied to a tap", async () => {
  await using all = await twoMembers();
  const watcher = await all.members.member("a/watcher/1");
  const seen = gather<string>(1);
  await watcher.engine.operations.tap(
    { events: [], calls: ["shop.*"], signals: [] },
    { onMessage: ({ kind, name, body }) => seen.add(`${kind} ${name} ${body}`), onMissed() {} },
  );
  for (const service of ["other", "shop"]) await all.buses.callee.serve(service, { buy: () => 1 });

  for (const method of ["other.buy", "shop.buy"]) await all.buses.caller.call(method, { id: 7 });
  await seen.full;

  expect(seen.got).toEqual(['call shop.buy {"id":7}']);
});

test("signals that are lost are counted, the last ones as well", async () => {
  await using all = await twoMembers();
  const heard = gather<unknown>(2);
  await all.buses.callee.subscribe("t", (content) => heard.add(content));
  for (const number of [1, 2]) all.buses.caller.publish("t", number);
  await heard.full;

  all.members.server.lose(/^t$/);
  for (const number of [3, 4, 5]) all.buses.caller.publish("t", number);

  await expect
    .poll(() => all.buses.callee.signalFigures.heard, { timeout: BOUND_MS })
    .toEqual([{ topic: "t", publisher: "a/caller/1", received: 2, lost: 3 }]);
});

test("any name becomes one word of a subject, and is read from it", () => {
  for (const name of ["plain-Name_1", "with.dot", "*", ">", "a=b", "#", "ü 😀", "=2e"]) {
    expect(wordOf(name)).toMatch(/^[A-Za-z0-9_=-]+$/);
    expect(nameOf(wordOf(name))).toBe(name);
  }
});
