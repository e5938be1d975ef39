// Members in Python and in TypeScript of one broker: what one sends the other gets, in both directions.
import { describe, expect, test } from "vitest";
import { Router } from "zeromq";
import { connectLink } from "../../src/link/link.ts";
import { ServiceError } from "../../src/messaging/index.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type Line, openBus, type Peer, startPeer } from "../support/bus-peer.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

/** The longest body that travels as it is, with the four keys of an event around it or without. */
const MIB = 1_048_576;

function heardBy(peer: Peer, matches: (heard: NonNullable<Line["heard"]>) => boolean = () => true): Promise<Line> {
  return peer.lines.first(({ heard }) => heard !== undefined && matches(heard), { what: "the event" });
}

describe("an event", () => {
  test("of TypeScript reaches a group in Python, whole", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "listen", name: "orders.created", group: "billing" });

    const { id, ...receipt } = await shop.emit(
      "orders.created",
      { content: { id: 7, word: "ü\u2028" }, context: { tenant: "t1" }, headers: { lang: "de" } },
      { sessionId: "s1" },
    );
    const { heard } = await heardBy(peer);

    expect(receipt).toEqual({ stored: "file", routed: true });
    expect(heard).toEqual({
      ...{ id, name: "orders.created", content: { id: 7, word: "ü\u2028" }, context: { tenant: "t1" }, attempt: 1 },
      ...{ src: "test/shop/ts1", headers: { lang: "de" } },
      meta: { version: 1, timestamp: expect.any(Number), session_id: "s1" },
    });
  });

  test("of Python reaches a group in TypeScript, and one that it leads to keeps the session", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const billing = await bus.connect("billing");
    const got = awaitEvents<[string, unknown, string]>("what billing gets", (each) => JSON.stringify(each));
    for (const name of ["orders.created", "py.followed"])
      await billing.listen(name, "billing", ({ content, meta }) => got.add([name, content, meta.session_id]));
    await peer.do({ do: "listen", name: "orders.created", group: "py" });

    const content = { please: "emit", n: 1.5 };
    const { result } = await peer.do({ do: "emit", name: "orders.created", content, session_id: "s2" });
    await got.first(([name]) => name === "py.followed");

    expect(result).toMatchObject({ stored: "file", routed: true });
    expect(got.all.toSorted()).toEqual([
      ["orders.created", content, "s2"],
      ["py.followed", content, "s2"],
    ]);
  });

  test("says so where no group gets it, and when its name has no dot", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();

    expect((await peer.do({ do: "emit", name: "orders.created" })).result).toMatchObject({ routed: false });
    expect((await peer.do({ do: "emit", name: "orders" })).error).toMatchObject({ code: "ERR_EVENT_NAME" });
  });

  test("that raises comes back as a further attempt, and is a dead letter after the last", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    const dead = () => shop.operations.deadLetters({ event: "orders.created" });
    await peer.do({ do: "listen", name: "orders.created", group: "py", retry: { attempts: 2, min_delay_s: 0 } });

    await shop.emit("orders.created", { content: { please: "raise" } });
    await heardBy(peer, ({ attempt }) => attempt === 2);
    // Settled before the answer of what is asked afterwards.
    await shop.emit("orders.created", { content: { please: "give up" } });
    await heardBy(peer, ({ content }) => JSON.stringify(content).includes("give up"));
    await shop.emit("orders.created", { content: { please: "drop" } });
    await heardBy(peer, ({ content }) => JSON.stringify(content).includes("drop"));
    await peer.do({ do: "drain", seconds: 60 });

    expect(await dead()).toMatchObject([
      {
        ...{ reason: "attempts", attempts: 2, group: "py", handler: "peer" },
        error: { name: "ValueError", message: "no luck", stack: expect.stringMatching(/in handle\n.*no luck/s) },
      },
      { reason: "not-retryable", attempts: 1, error: { name: "NonRetryableError", message: "never" } },
      { reason: "dropped", error: { message: "unwanted" } },
    ]);
  });

  test("can be rejected at once, and settled only once", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "listen", name: "orders.created", group: "py" });

    await shop.emit("orders.created", { content: { please: "reject" } });
    await shop.emit("orders.created", { content: { please: "settle twice" } });
    await heardBy(peer, ({ attempt }) => attempt === 2);
    await peer.do({ do: "drain", seconds: 60 });

    const twice = peer.lines.all.filter(({ heard }) => JSON.stringify(heard)?.includes("settle twice"));
    expect(twice).toHaveLength(1);
  });

  test("of a member that is killed goes to another one as a further attempt", async () => {
    await using bus = await openBus();
    const [first, second, shop] = [await bus.startPeer(), await bus.startPeer(), await bus.connect("shop")];
    await first.do({ do: "listen", name: "orders.created", group: "py" });
    await shop.emit("orders.created", { content: { please: "wait" } });
    await heardBy(first);
    await second.do({ do: "listen", name: "orders.created", group: "py" });

    await first.kill();
    const { heard } = await heardBy(second);
    await second.kill();

    expect(heard).toMatchObject({ attempt: 2 });
  });

  test("is settled, or given back when a member that leaves has no time for it", async () => {
    await using bus = await openBus();
    const [first, second, shop] = [await bus.startPeer(), await bus.startPeer(), await bus.connect("shop")];
    await first.do({ do: "listen", name: "orders.created", group: "py" });
    await shop.emit("orders.created", { content: { please: "wait" } });
    await heardBy(first);
    await second.do({ do: "listen", name: "orders.created", group: "py" });

    const { result } = await first.do({ do: "drain", seconds: 0 });
    const { heard } = await heardBy(second);
    await second.kill();

    expect(result).toBe(false);
    expect(heard).toMatchObject({ attempt: 2 });
  });

  test("is not lost with a member that is killed amid a thousand of them", async () => {
    await using bus = await openBus();
    const [first, second, shop] = [await bus.startPeer(), await bus.startPeer(), await bus.connect("shop")];
    for (const peer of [first, second]) await peer.do({ do: "listen", name: "orders.created", group: "py" });
    const heard = () =>
      [first, second].flatMap(({ lines }) => lines.all.flatMap(({ heard }) => (heard ? [heard] : [])));

    const emitted = Array.from({ length: 1_000 }, (_, id) => shop.emit("orders.created", { content: id }));
    await first.lines.first(({ heard }) => heard !== undefined);
    await first.kill();
    await Promise.all(emitted);

    const queue = async () => (await shop.operations.queues())[0];
    await expect.poll(queue, { timeout: BOUND_MS }).toMatchObject({ ready: 0, in_flight: 0, delayed: 0, dead: 0 });
    const ids = (heard: readonly JsonObject[]) => new Set(heard.map(({ content }) => content));
    expect(ids(heard()).size).toBe(1_000);
    // Twice only what the one that was killed had at that moment.
    const twice = heard().filter(({ attempt }) => attempt !== 1);
    expect(twice.every(({ attempt }) => attempt === 2)).toBe(true);
    expect(twice.length).toBeLessThanOrEqual(16);
    expect(twice.length).toBeGreaterThan(0);
  });

  test("that was taken back has no verdict, and is not begun where it waited", async () => {
    await using folder = await makeFolder();
    const said: { member: Buffer; op: JsonObject }[] = [];
    const broker = new Router({ linger: 0 });
    await broker.bind(`ipc://${folder.at("socket")}`);
    const next = async (name: string) => {
      while (true) {
        const [member = Buffer.alloc(0), head = Buffer.alloc(0)] = await broker.receive();
        const [, , ops] = JSON.parse(head.toString()) as [number, number, JsonObject[]];
        for (const op of ops) said.push({ member, op });
        const found = ops.find(({ op }) => op === name);
        if (found !== undefined) return { member, op: found };
      }
    };
    const tell = (member: Buffer, ops: JsonObject[], bodies = "") =>
      broker.send([member, JSON.stringify([1, 0, ops]), bodies]);
    const welcome = { op: "welcome", protocol: 1, stored: "memory", endpoints: null };
    const deliver = (member: Buffer, seq: number, content: Json) => {
      const head = JSON.stringify({ id: `id${seq}`, src: "c/s/1", sent: 1, session_id: "s", traceparent: "" });
      const body = JSON.stringify({ event_name: "a.b", content, context: {}, meta: {} });
      const about = { g: 1, seq, event: "a.b", group: "py", attempt: 1, firstAt: 1 };
      return tell(
        member,
        [{ op: "deliver", ...about, head: head.length, size: head.length + body.length }],
        head + body,
      );
    };

    const starting = startPeer(`ipc://${folder.at("socket")}`, "token");
    const { member } = await next("hello");
    await tell(member, [welcome]);
    await using peer = await starting;
    const listening = peer.do({ do: "listen", name: "a.b", group: "py", prefetch: 1 });
    await tell(member, [{ op: "done", n: (await next("listen")).op.n ?? 0 }]);
    await listening;
    await deliver(member, 1, { please: "wait until taken" });
    await heardBy(peer);
    await deliver(member, 2, "waits behind it");
    await tell(member, [{ op: "lost", silentMs: 30_000 }]);
    const { op: hello } = await next("hello");
    await tell(member, [welcome]);
    await deliver(member, 3, "later");
    const { op: settle } = await next("settle");
    broker.close();

    expect(hello.holds).toEqual([]);
    expect(settle).toMatchObject({ seq: 3, verdict: "ack" });
    expect(peer.lines.all.flatMap(({ heard }) => (heard ? [heard.content] : []))).toEqual([
      { please: "wait until taken" },
      "later",
    ]);
  });
});

describe("a call", () => {
  test("of TypeScript is answered by Python, with a result or an error", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "serve", service: "py" });
    const failing = (params: string) => shop.call("py.fail", params).catch((error: unknown) => error);

    expect(await shop.call("py.echo", { deep: [1, "ü", null] })).toEqual({ deep: [1, "ü", null] });
    expect(await shop.call("py.whoami")).toEqual({ src: "test/shop/ts1", headers: {} });
    expect(await failing("service")).toMatchObject({
      ...{ name: "CallError", code: "OUT_OF_STOCK", message: "none left", retryable: true, executed: "yes" },
      ...{ service: "py", method: "fail", details: { left: 0, word: "ü" }, remote: { name: "ServiceError" } },
    });
    expect(await failing("bug")).toMatchObject({
      ...{ code: "ERR_SERVICE_FAILED", message: "a bug", retryable: false, remote: { name: "ValueError" } },
    });
    await expect(shop.call("py.nothing")).rejects.toMatchObject({ code: "ERR_METHOD_UNKNOWN", executed: "no" });
  });

  test("of Python is answered by TypeScript, with a result or an error", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const billing = await bus.connect("billing");
    await billing.serve("billing", {
      get: (params: never) => ({ got: params }),
      fail: () => {
        throw new ServiceError("NO_SUCH", "none", { details: [1], retryable: true });
      },
    });

    expect((await peer.do({ do: "call", name: "billing.get", params: "ü" })).result).toEqual({ got: "ü" });
    expect((await peer.do({ do: "call", name: "billing.fail" })).error).toEqual({
      ...{ code: "NO_SUCH", message: "none", service: "billing", method: "fail", retryable: true, details: [1] },
      ...{ executed: "yes", remote: { name: "ServiceError" } },
    });
    const codes = ["billing.nothing", "nobody.get", "nodot"].map(
      async (name) => (await peer.do({ do: "call", name })).error?.code,
    );
    expect(await Promise.all(codes)).toEqual(["ERR_METHOD_UNKNOWN", "ERR_SERVICE_UNKNOWN", "ERR_METHOD_UNKNOWN"]);
  });

  test("within a call is given up with it", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "serve", service: "py" });
    const inner = awaitEvents<AbortSignal>("what is called", () => "a call");
    await shop.serve("shop", {
      hang: (_: never, { signal }) => {
        inner.add(signal);
        return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    });
    const impatient = new AbortController();

    const answer = shop.call("py.relay", { name: "shop.hang" }, { signal: impatient.signal }).catch(() => {});
    const signal = await inner.first(() => true);
    const given = awaitEvents<Event>("the end of what is called", ({ type }) => type);
    signal.addEventListener("abort", given.add);
    impatient.abort();

    await Promise.all([answer, given.first(() => true)]);
  });

  test("that the caller gives up is given up in Python", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "serve", service: "py" });
    const impatient = new AbortController();

    const answer = shop.call("py.hang", null, { signal: impatient.signal }).catch(({ code }) => code);
    await peer.lines.first(({ taken }) => taken === "hang");
    impatient.abort();
    await peer.lines.first(({ given_up }) => given_up === "hang");

    expect(await answer).toBe("ERR_CALL_TIMEOUT");
  });

  test("is lost with the instance that had it", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "serve", service: "py" });

    const answer = shop.call("py.hang").catch((error: unknown) => error);
    await peer.lines.first(({ taken }) => taken === "hang");
    await peer.kill();

    expect(await answer).toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
  });
});

test.each([
  ["whole", MIB],
  ["by claim check", MIB + 1],
])("a body travels %s with %i bytes, both ways", async (_, bytes) => {
  await using bus = await openBus();
  const peer = await bus.startPeer();
  const shop = await bus.connect("shop");
  await peer.do({ do: "serve", service: "py" });
  await shop.serve("shop", { echo: (params: never) => params });
  // As JSON it has quotes around it.
  const text = "ü".repeat(Math.floor((bytes - 2) / 2)) + "u".repeat(bytes % 2);

  expect(Buffer.byteLength(JSON.stringify(text))).toBe(bytes);
  expect(await shop.call("py.echo", text)).toBe(text);
  expect((await peer.do({ do: "call", name: "shop.echo", params: text })).result).toBe(text);
  // The parameters and the result of each call.
  expect(await bus.claims()).toHaveLength(bytes > MIB ? 4 : 0);
});

test("what is in force, and what is not confirmed, outlives the broker", async () => {
  await using bus = await openBus();
  const peer = await bus.startPeer();
  const shop = await bus.connect("shop");
  await peer.do({ do: "listen", name: "orders.created", group: "py" });
  await peer.do({ do: "serve", service: "py" });
  const before = bus.pid();

  process.kill(before, "SIGKILL");
  const { result } = await peer.do({ do: "emit", name: "orders.created", content: "of Python" });
  await shop.emit("orders.created", { content: "of TypeScript" });
  for (const text of ["of Python", "of TypeScript"]) await heardBy(peer, ({ content }) => content === text);

  expect(result).toMatchObject({ routed: true });
  expect(await shop.call("py.echo", 1)).toBe(1);
  expect(bus.pid()).not.toBe(before);
});

describe("a signal", () => {
  test("of Python reaches all in Python that have subscribed, in order, with its bytes", async () => {
    await using bus = await openBus();
    const [first, second] = [await bus.startPeer(), await bus.startPeer()];
    for (const peer of [first, second]) await peer.do({ do: "subscribe", topic: "temperature" });

    for (const content of [{ celsius: 21.5 }, "ü @@@", "last"])
      await first.do({ do: "publish", topic: "temperature", content, bytes: ["picture", ""] });

    for (const peer of [first, second]) {
      await peer.lines.first(({ signal }) => signal?.content === "last");
      const common = { src: "test/peer/py1", attachments: ["picture", ""] };
      expect(peer.lines.all.flatMap(({ signal }) => signal ?? [])).toEqual([
        { content: { celsius: 21.5 }, ...common },
        { content: "ü @@@", ...common },
        { content: "last", ...common },
      ]);
    }
  });

  test("of TypeScript reaches Python and the reverse, large ones by claim check", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const shop = await bus.connect("shop");
    await peer.do({ do: "subscribe", topic: "temperature" });
    const heard = awaitEvents<unknown[]>("the signals of Python", (each) => JSON.stringify(each).slice(0, 200));
    await shop.subscribe("pressure", (content, { src, attachments }) =>
      heard.add([content, src, attachments.map(String)]),
    );
    const long = "ü".repeat(MIB);

    for (const content of [{ celsius: 21.5, word: "ü @@@" }, long]) {
      shop.publish("temperature", content, [Buffer.from("picture")]);
      await peer.do({ do: "publish", topic: "pressure", content, bytes: ["picture"] });
    }
    await peer.lines.first(({ signal }) => signal?.content === long);
    await heard.first(([content]) => content === long);

    const common = { src: "test/shop/ts1", attachments: ["picture"] };
    expect(peer.lines.all.flatMap(({ signal }) => signal ?? [])).toEqual([
      { content: { celsius: 21.5, word: "ü @@@" }, ...common },
      { content: long, ...common },
    ]);
    expect(shop.signalFigures.heard).toEqual([{ topic: "pressure", publisher: "test/peer/py1", received: 2, lost: 0 }]);
    expect(heard.all).toEqual([
      [{ celsius: 21.5, word: "ü @@@" }, "test/peer/py1", ["picture"]],
      [long, "test/peer/py1", ["picture"]],
    ]);
  });

  test("of Python is a message on its topic, as old listeners hear it, and counted", async () => {
    await using bus = await openBus();
    const peer = await bus.startPeer();
    const heard = awaitEvents<Frame>("what is said on temperature", ({ body }) => JSON.stringify(body));
    await using _link = await connectLink(bus.endpoints, {
      ...{ topics: ["temperature", "~counts"], timeoutMs: BOUND_MS },
      onFrame: heard.add,
    });

    await peer.do({ do: "publish", topic: "temperature", content: { celsius: 21.5 }, bytes: [] });
    const { body } = await heard.first(({ topic }) => topic === "temperature");
    await peer[Symbol.asyncDispose]();
    const last = await heard.first(({ body }) => JSON.stringify(body).includes('"last":true'));

    expect(heard.all[0]).toMatchObject({ topic: "~counts", body: { content: { totals: { temperature: 0 } } } });
    expect(last).toMatchObject({ topic: "~counts", body: { content: { totals: { temperature: 1 } } } });
    expect(body).toMatchObject({
      content: { celsius: 21.5 },
      header: { action: "published", src: "test/peer/py1", sequence: 1, sent: expect.any(Number) },
    });
  });
});
