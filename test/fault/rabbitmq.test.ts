// A server of RabbitMQ that is killed and started again, connections that are cut, and members that are killed or halted, while
// events and calls are under way.
import { connect as connectAmqp } from "amqplib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { createMemoryBroker } from "../../src/messaging/engines/memory/memory-engine.ts";
import { connectRabbitmq } from "../../src/messaging/engines/rabbitmq/rabbitmq-engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { aborted, gather } from "../conformance/members.ts";
import { BOUND_MS } from "../support/bound.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { type RabbitmqServer, startMember, startRabbitmq, USER } from "../support/rabbitmq.ts";
import { startRelay } from "../support/relay.ts";

leaveNoProcess();

let server: RabbitmqServer;
beforeAll(async () => {
  // Long enough for a server that hangs to be missed before its connections are given up, and for a busy machine.
  server = await startRabbitmq({ vhosts: 16, heartbeatS: 8 });
});
afterAll(() => server[Symbol.asyncDispose]());

async function connect(address: ServerAddress, src = "test/bus/1") {
  const engine = await connectRabbitmq({ address, src });
  const bus = new EventBus({ engine, src });
  return {
    ...{ engine, bus },
    /** Resolve when the engine says that all is well, or that it is not. */
    well: () => expect.poll(() => engine.trouble, { timeout: BOUND_MS }).toBeUndefined(),
    troubled: () => expect.poll(() => engine.trouble, { timeout: BOUND_MS }).toBeDefined(),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

/** The server's address through a relay, which leads nowhere or is cut whenever a test wants that. */
async function relayed() {
  const { url, login } = server.newAddress();
  const relay = await startRelay(`tcp://127.0.0.1:${server.port}`);
  const through = relay.endpoint.replace("tcp:", "amqp:") + new URL(url).pathname;
  return {
    ...{ relay, address: { url: through, ...(login && { login }) } },
    [Symbol.asyncDispose]: relay[Symbol.asyncDispose],
  };
}

/** Listens, and keeps the contents. */
async function listenTo({ bus }: Awaited<ReturnType<typeof connect>>, count: number) {
  const heard = gather<unknown>(count);
  await bus.listen("a.b", "g", ({ content }) => heard.add(content));
  return heard;
}

describe("a server that is away", () => {
  test("at the start is waited for by what emits, listens and serves", async () => {
    await using link = await relayed();
    link.relay.mend(`tcp://127.0.0.1:${await freePort()}`);
    await using shop = await connect(link.address);
    const heard = gather<unknown>(1);
    const listening = shop.bus.listen("a.b", "g", ({ content }) => heard.add(content));
    const emitted = shop.bus.emit("a.b", { content: 1 });
    const serving = shop.bus.serve("math", { one: () => 1 });
    // Until it has tried in vain.
    await expect.poll(() => shop.engine.trouble, { timeout: BOUND_MS }).not.toBe("not connected yet");
    link.relay.mend();
    await Promise.all([listening, serving, emitted]);

    await heard.full;
    expect(await shop.bus.call("math.one")).toBe(1);
  });

  test("after a crash is waited for, and nothing confirmed is lost", async () => {
    await using link = await relayed();
    const { relay, address } = link;
    await using shop = await connect(address);
    await using billing = await connect(address, "test/billing/1");
    const heard = await listenTo(billing, 200);
    await Promise.all(Array.from({ length: 100 }, (_, content) => shop.bus.emit("a.b", { content })));

    await server.kill();
    await Promise.all([shop.troubled(), billing.troubled()]);
    // A busy machine may start it later than an emitter waits, so it is away for the members a little longer than it is.
    await relay.cut();
    await server.start();
    const waiting = Array.from({ length: 100 }, (_, i) => shop.bus.emit("a.b", { content: 100 + i }));
    relay.mend();
    await Promise.all(waiting);
    await heard.full;
    await Promise.all([shop.well(), billing.well()]);

    expect(heard.got.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await expect
      .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
      .toMatchObject([{ event: "a.b", group: "g", members: 1, ready: 0 }]);
  });

  test("takes no settlement along: what was handled meanwhile is not handled again", async () => {
    await using shop = await connect(server.newAddress());
    const attempts: number[] = [];
    const [begun, release] = [deferred(), deferred()];
    await shop.bus.listen("a.b", "g", async ({ attempt }) => {
      attempts.push(attempt);
      begun.resolve();
      await release.promise;
    });
    await shop.bus.emit("a.b", { content: 1 });
    await begun.promise;
    await server.kill();
    await shop.troubled();
    release.resolve();
    await server.start();
    await shop.well();

    await expect
      .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
      .toMatchObject([{ in_flight: 0, ready: 0 }]);
    expect(attempts).toEqual([1]);
  });

  test("keeps events that wait for another attempt, and dead letters", async () => {
    await using shop = await connect(server.newAddress());
    const [rejected, again] = [deferred(), deferred<number>()];
    await shop.bus.listen("a.b", "g", (event) => {
      if (event.attempt > 1) return again.resolve(event.attempt);
      event.reject({ delayMs: 5_000 });
      return rejected.resolve();
    });
    await shop.bus.listen("a.c", "g", (event) => event.drop({ reason: "no use", deadLetter: true }));
    await shop.bus.emit("a.b", { content: 1 });
    await shop.bus.emit("a.c", { content: 2 });
    await rejected.promise;
    await expect.poll(() => shop.bus.operations.deadLetters({}), { timeout: BOUND_MS }).toHaveLength(1);
    await expect
      .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
      .toEqual(expect.arrayContaining([expect.objectContaining({ event: "a.b", ready: 0, in_flight: 0 })]));
    await server.kill();
    await server.start();

    expect(await again.promise).toBe(2);
    const [letter, ...others] = await shop.bus.operations.deadLetters({});
    expect(letter).toMatchObject({ event: "a.c", reason: "dropped", error: { message: "no use" } });
    expect(others).toEqual([]);
    const shown = await shop.bus.operations.deadLetter(letter?.id ?? "");
    expect(JSON.parse(shown?.body.toString() ?? "")).toMatchObject({ event_name: "a.c", content: 2 });
  });
});

test("a dead letter that is there several times is listed, replayed and discarded once", async () => {
  const address = server.newAddress();
  await using shop = await connect(address);
  const handled = gather<unknown>(2);
  await shop.bus.listen("a.b", "g", (event) => {
    handled.add(event.content);
    if (handled.got.length === 1) event.drop({ deadLetter: true });
  });
  const { operations } = shop.bus;
  await shop.bus.emit("a.b", { content: 1 });
  await expect.poll(() => operations.deadLetters({}), { timeout: BOUND_MS }).toHaveLength(1);
  // As a program does that has lost the connection before the server could confirm the letter.
  await administer(address, async (channel) => {
    const letter = await channel.get("a.b.g.dead", { noAck: true });
    if (letter === false) throw new Error("the letter is not there");
    for (let n = 0; n < 3; n += 1) channel.sendToQueue("a.b.g.dead", letter.content, letter.properties);
  });
  const count = () => administer(address, async (channel) => (await channel.checkQueue("a.b.g.dead")).messageCount);
  await expect.poll(count, { timeout: BOUND_MS }).toBe(3);
  const letters = await operations.deadLetters({});

  expect(letters).toHaveLength(1);
  expect(await operations.replay([letters[0]?.id ?? ""])).toBe(1);
  await handled.full;
  expect(await count()).toBe(0);
  expect(handled.got).toEqual([1, 1]);
});

describe("a server that is there and", () => {
  test("has no room on its disk takes nothing, says so, and takes what has waited once it has", async () => {
    const address = server.newAddress();
    await using shop = await connect(address);
    const heard = gather<unknown>(3);
    await shop.bus.listen("a.b", "g", ({ content }) => void (typeof content === "number" && heard.add(content)));
    await shop.bus.emit("a.b", { content: 1 });
    await server.evaluate('rabbit_disk_monitor:set_disk_free_limit("100000GB").');
    const waiting = shop.bus.emit("a.b", { content: 2 });
    await expect.poll(() => shop.engine.trouble, { timeout: BOUND_MS }).toMatch(/takes nothing more: low on disk/);
    // More than may wait.
    const emitted = Array.from({ length: 70 }, () => shop.bus.emit("a.b", { content: "x".repeat(1_000_000) }));
    for (const one of emitted) one.catch(() => {});
    await expect(emitted.at(-1)).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
    await server.evaluate('rabbit_disk_monitor:set_disk_free_limit("1MB").');
    const outcomes = await Promise.allSettled([waiting, ...emitted]);
    await shop.well();
    await shop.bus.emit("a.b", { content: 3 });
    await heard.full;

    const failed = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason.code] : []));
    expect(new Set(failed)).toEqual(new Set(["ERR_OVERLOADED"]));
  });

  test("hangs is unwell, whether its connections last or not, and is consumed from again", async () => {
    const address = server.newAddress();
    await using shop = await connect(address);
    const heard = await listenTo(shop, 3);
    await shop.bus.emit("a.b", { content: 1 });
    server.signal("SIGSTOP");
    await shop.troubled();
    const waiting = shop.bus.emit("a.b", { content: 2 });
    server.signal("SIGCONT");
    await waiting;
    await shop.well();
    server.signal("SIGSTOP");
    // Until its connections are given up.
    const trouble = () => shop.engine.trouble ?? "none";
    await expect.poll(trouble, { timeout: BOUND_MS }).not.toMatch(/^none$|has not answered for/);
    server.signal("SIGCONT");
    await shop.well();
    await shop.bus.emit("a.b", { content: 3 });

    await heard.full;
  });

  test("gives nothing from a queue, since that has no leader, is unwell until it has one", async () => {
    const address = server.newAddress();
    await using shop = await connect(address);
    const heard = await listenTo(shop, 2);
    await shop.bus.emit("a.b", { content: 1 });
    const vhost = new URL(address.url).pathname.slice(1);
    const queue = `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"${vhost}">>, queue, <<"a.b.g.q">>)), S = amqqueue:get_pid(Q)`;
    await server.evaluate(`${queue}, ra:stop_server(quorum_queues, S).`);
    await shop.troubled();
    await server.evaluate(`${queue}, ra:restart_server(quorum_queues, S).`);
    await shop.well();
    await shop.bus.emit("a.b", { content: 2 });

    await heard.full;
  });
});

test("connections that are cut are made again, and events flow", async () => {
  await using link = await relayed();
  const { relay, address } = link;
  await using shop = await connect(address);
  const heard = await listenTo(shop, 3);
  await shop.bus.emit("a.b", { content: 1 });
  await relay.cut();
  await shop.troubled();
  const emitted = shop.bus.emit("a.b", { content: 2 });
  relay.mend();
  await emitted;
  await shop.bus.emit("a.b", { content: 3 });
  await heard.full;

  expect(new Set(heard.got)).toEqual(new Set([1, 2, 3]));
});

test("a queue that somebody deletes is made again, and gets what comes then", async () => {
  const address = server.newAddress();
  await using shop = await connect(address);
  const heard = await listenTo(shop, 1);
  await administer(address, (channel) => channel.deleteQueue("a.b.g.q"));
  const consumers = () =>
    administer(address, async (channel) => (await channel.checkQueue("a.b.g.q")).consumerCount).catch(() => 0);
  await expect.poll(consumers, { timeout: BOUND_MS }).toBe(1);
  await shop.bus.emit("a.b", { content: 1 });

  await heard.full;
});

test("an exchange that somebody deletes is made again with the next event", async () => {
  const address = server.newAddress();
  await using shop = await connect(address);
  expect(await shop.bus.emit("a.b", { content: 1 })).toMatchObject({ routed: false });
  await administer(address, (channel) => channel.deleteExchange("a"));

  expect(await shop.bus.emit("a.b", { content: 2 })).toMatchObject({ routed: false });
});

test("a queue that is full says so to the emitter, and takes more when it has room", async () => {
  const address = server.newAddress();
  await using shop = await connect(address);
  const release = deferred();
  await shop.bus.listen("a.b", "g", () => release.promise, { prefetch: 1 });
  // As another group would have it that is full.
  await administer(address, async (channel) => {
    await channel.assertQueue("small", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    await channel.bindQueue("small", "a", "b");
  });
  await shop.bus.emit("a.b", { content: 1 });

  await expect(shop.bus.emit("a.b", { content: 2 })).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
  await administer(address, (channel) => channel.purgeQueue("small"));
  expect(await shop.bus.emit("a.b", { content: 3 })).toMatchObject({ routed: true });
  release.resolve();
});

describe("a member", () => {
  test("that is killed gives its events to another one at once, as a further attempt, and loses its calls", async () => {
    const address = server.newAddress();
    await using shop = await connect(address);
    await using member = startMember(address, "hold", "g");
    await member.said.first((line) => line === "ready");
    const call = shop.bus.call("slow.take", "hang", { timeoutMs: BOUND_MS });
    const failed = expect(call).rejects.toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
    await shop.bus.emit("numbers.counted", { content: 1 });
    for (const what of ["begun", "took"])
      await member.said.first((line) => Array.isArray(line) && line[0] === what, { what });
    const again = deferred<number>();
    await shop.bus.listen("numbers.counted", "g", ({ attempt }) => again.resolve(attempt));
    member.signal("SIGKILL");

    expect(await again.promise).toBe(2);
    await failed;
  });

  test("whose event loop is blocked loses its events, and hears for how long it was", async () => {
    const address = server.newAddress();
    await using shop = await connect(address);
    await using member = startMember(address, "hold", "g");
    await member.said.first((line) => line === "ready");
    await shop.bus.emit("numbers.counted", { content: 1 });
    await member.said.first((line) => Array.isArray(line) && line[0] === "begun");
    const again = deferred<number>();
    await shop.bus.listen("numbers.counted", "g", ({ attempt }) => again.resolve(attempt));
    member.signal("SIGSTOP");
    expect(await again.promise).toBe(2);
    member.signal("SIGCONT");

    const [, reason] = (await member.said.first((line) => Array.isArray(line) && line[0] === "taken")) as string[];
    expect(reason).toMatch(/^engine rabbitmq: the event loop was blocked for \d+\.\d s$/);
  });
});

test("a handler that is aborted hears why, and its event goes to another member", async () => {
  const address = server.newAddress();
  await using shop = await connect(address);
  const leaving = await connect(address, "test/leaving/1");
  const taken = deferred<AbortSignal>();
  await leaving.bus.listen("a.b", "g", async ({ signal }) => {
    taken.resolve(signal);
    await aborted(signal);
  });
  await shop.bus.emit("a.b", { content: 1 });
  const signal = await taken.promise;
  await leaving.bus.close();

  expect(signal.reason).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  expect(await shop.bus.operations.queues()).toMatchObject([{ ready: 1, in_flight: 0, members: 0 }]);
});

test("a bridge from another engine passes events both ways and calls, over the death of the server", async () => {
  const address = server.newAddress();
  await using billing = await connect(address, "test/billing/1");
  await using there = await connect(address, "test/bridge/1");
  await using memory = createMemoryBroker();
  const inMemory = async (src: string) => new EventBus({ engine: await memory.connect(src), src });
  await using shop = await inMemory("test/shop/1");
  await using here = await inMemory("test/bridge/1");
  const back = new Set<unknown>();
  await shop.listen("bills.made", "shop", ({ content }) => void back.add(content));
  await billing.bus.listen("orders.created", "billing", async ({ content }, bus) => {
    await bus.emit("bills.made", { content });
  });
  await billing.bus.serve("math", { one: () => 1 });
  const ways = { events: ["orders.created"], methods: ["math.one"] };
  await using _out = await here.bridgeTo(there.bus, { places: { from: "memory", to: "rabbitmq" }, ...ways });
  await using _in = await there.bus.bridgeTo(here, {
    places: { from: "rabbitmq", to: "memory" },
    events: ["bills.made"],
  });
  const until = (size: number) => expect.poll(() => back.size, { timeout: BOUND_MS }).toBe(size);
  const emit = async (from: number, to: number) => {
    for (let content = from; content < to; content += 1) await shop.emit("orders.created", { content });
  };

  await emit(0, 20);
  await until(20);
  await server.kill();
  await there.troubled();
  await emit(20, 40);
  await server.start();
  await until(40);

  expect(await shop.call("math.one", {}, { timeoutMs: BOUND_MS })).toBe(1);
});

type Administering = Awaited<ReturnType<Awaited<ReturnType<typeof connectAmqp>>["createChannel"]>>;

/** Does something on the server as any of its clients may. */
async function administer<T>(address: ServerAddress, act: (channel: Administering) => Promise<T>): Promise<T> {
  const { port, pathname } = new URL(address.url);
  const where = { hostname: "127.0.0.1", port: Number(port), vhost: pathname.slice(1) };
  const connection = await connectAmqp({ ...where, username: USER.user, password: USER.pass });
  try {
    const channel = await connection.createChannel();
    // What the server refuses rejects `act` as well.
    channel.on("error", () => {});
    const result = await act(channel);
    // It ends after all that was sent on it.
    await channel.close();
    return result;
  } finally {
    await connection.close();
  }
}
