import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { createIntake } from "../../src/streams/contract/intake.ts";
import {
  CONSUMER_LOOPS,
  CONSUMERS,
  Consumer,
  ConsumerFactory,
  ConsumerRunner,
  consumerClass,
  HandlerFactory,
  HTTP,
  PRODUCERS,
  Producer,
  producerClass,
  registerProtocol,
  streamFigures,
} from "../../src/streams/index.ts";
import type { HttpConsumer } from "../../src/streams/protocols/http/http-consumer.ts";
import { addRoute } from "../../src/streams/protocols/http/http-server.ts";
import { gather } from "../conformance/members.ts";

/** A consumer of HTTP on a port of its own, and a producer that sends to it. */
async function overHttp(queue: string, handler: (message: unknown) => unknown, options: object = {}) {
  const consumer = new CONSUMERS.HTTPHandler(queue, { port: 0, ...options });
  await consumer(handler);
  const { url = "" } = consumer;
  const producer = new PRODUCERS.HTTPHandler(queue, { host: new URL(url).host });
  return {
    ...{ consumer, producer, url },
    async [Symbol.asyncDispose]() {
      await producer.close();
      await consumer.close();
    },
  };
}

/** Other files of the same process may have queues of this name by other protocols. */
function figuresOf(protocol: string, queue: string) {
  return streamFigures().find((figures) => figures.protocol === protocol && figures.queue === queue);
}

describe("over HTTP", () => {
  test("what a producer sends reaches the handler, in order", async () => {
    const { got, full, add } = gather<unknown>(100);
    await using all = await overHttp("in_order", add);
    await all.producer.init();

    for (let number = 0; number < 100; number += 1) await all.producer.send({ number });
    await full;

    expect(got).toEqual(Array.from({ length: 100 }, (_, number) => ({ number })));
    expect(figuresOf("HTTPHandler", "in_order")).toMatchObject({ sent: 100, accepted: 100, refused: 0, failed: 0 });
  });

  test("a message is accepted with 202 before it is handled", async () => {
    const release = deferred();
    await using all = await overHttp("accepted", () => release.promise);

    const response = await fetch(all.url, { method: "POST", body: "{}" });

    expect(response.status).toBe(202);
    release.resolve();
  });

  test.each([
    ["no JSON", { method: "POST", body: "{no" }, "", 400],
    ["another queue", { method: "POST", body: "1" }, "_other", 404],
    ["another method", { method: "PUT", body: "1" }, "", 405],
    ["more than 8 MiB", { method: "POST", body: JSON.stringify("x".repeat(8 * 2 ** 20)) }, "", 413],
  ])("%s is refused", async (_, request, suffix, status) => {
    const got: unknown[] = [];
    await using all = await overHttp("refusing", (message) => got.push(message));

    const response = await fetch(`${all.url}${suffix}`, request);

    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(got).toEqual([]);
  });

  test("a body without a length is taken, and is refused where it has more than 8 MiB", async () => {
    const { got, full, add } = gather<unknown>(1);
    await using all = await overHttp("chunked", add);
    const post = async (...chunks: string[]) => {
      const body = new Blob(chunks).stream();
      const response = await fetch(all.url, { method: "POST", body, duplex: "half" } as RequestInit);
      await response.text();
      return response.status;
    };

    expect(await post('{"id"', ":7}")).toBe(202);
    expect(await post(JSON.stringify("x".repeat(10 * 2 ** 20)))).toBe(413);
    await full;

    expect(got).toEqual([{ id: 7 }]);
    expect(figuresOf("HTTPHandler", "chunked")).toMatchObject({ accepted: 1, refused: 1 });
  });

  test("a client that has not sent all of its request holds up nobody, and is cut off at the end", async () => {
    const { got, full, add } = gather<unknown>(1);
    const all = await overHttp("half_sent", add);
    const { hostname, port, host } = new URL(all.url);
    const slow = connect(Number(port), hostname);
    const cutOff = once(slow.on("error", () => {}).resume(), "close");
    slow.write(`POST /half_sent HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 100\r\n\r\n12`);

    await all.producer.send({ id: 7 });
    await full;
    await all[Symbol.asyncDispose]();
    await cutOff;

    expect(got).toEqual([{ id: 7 }]);
  });

  test("503 says that there is no room, and when to send again", async () => {
    const refused: string[] = [];
    const place = { host: "127.0.0.1", port: 0, queue: "full", method: "POST" } as const;
    const route = await addRoute({ ...place, take: () => false, onRefused: (reason) => refused.push(reason) });
    await using producer = new PRODUCERS.HTTPHandler("full", { host: route.origin });

    const response = await fetch(`${route.origin}/full`, { method: "POST", body: "1" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    await expect(producer.send(1)).rejects.toMatchObject({ code: "ERR_DELIVERY_REFUSED" });
    await route.close();

    expect(refused).toEqual(["queue full is full", "queue full is full"]);
  });

  test("so many messages wait for a handler, and no more", async () => {
    const release = deferred();
    const intake = createIntake<number>(1, () => release.promise);
    const isTaken = Array.from({ length: 10_002 }, (_, number) => intake.add(number, 1));

    // The first one is with the handler, and waits no longer.
    expect(isTaken.filter((taken) => taken)).toHaveLength(10_001);
    expect(isTaken.at(-1)).toBe(false);
    release.resolve();
    await intake.drained();
    expect(intake.add(1, 300 * 2 ** 20)).toBe(true);
  });

  test("a GET has its query as the message", async () => {
    const { got, full, add } = gather<unknown>(1);
    const consumer = new CONSUMERS.HTTPHandler("by_get", { port: 0 });
    await consumer({ method: "GET" })(add);
    await using producer = new PRODUCERS.HTTPHandler("by_get", { host: new URL(consumer.url ?? "").host });

    await producer.send({ city: "Ulm", days: [1, 2] }, { method: "GET" });
    await full;
    await consumer.close();

    expect(got).toEqual([{ city: "Ulm", days: ["1", "2"] }]);
  });

  test("two consumers share a server, and two methods a queue", async () => {
    const { got, full, add } = gather<string>(3);
    const first = new CONSUMERS.HTTPHandler("shared_1", { port: 0 });
    await first(() => add("first"));
    const { port, origin } = new URL(first.url ?? "");
    const others = ["shared_1", "shared_2"].map((queue) => new CONSUMERS.HTTPHandler(queue, { port: Number(port) }));
    await others[0]?.({ method: "GET" })(() => add("get"));
    await others[1]?.(() => add("second"));

    await fetch(`${origin}/shared_1`, { method: "POST", body: "1" });
    await fetch(`${origin}/shared_1`);
    await fetch(`${origin}/shared_2`, { method: "POST", body: "1" });
    await full;
    await Promise.all([first, ...others].map((consumer) => consumer.close()));

    expect(got.toSorted()).toEqual(["first", "get", "second"]);
    await expect(fetch(origin)).rejects.toThrow();
  });

  test("a port that is taken is told", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const consumer = new CONSUMERS.HTTPHandler("taken", { port: (server.address() as AddressInfo).port });

    await expect(consumer(() => {})).rejects.toMatchObject({ code: "ERR_ENDPOINT_IN_USE" });

    server.close();
  });

  test("an answer that is no success, and no answer, are told to who sends", async () => {
    await using all = await overHttp("lonely", () => {});
    await using other = new PRODUCERS.HTTPHandler("nobody", { host: new URL(all.url).host });
    await expect(other.send(1)).rejects.toMatchObject({
      ...{ code: "ERR_DELIVERY_REFUSED", message: expect.stringContaining("404") },
    });
    await all.consumer.close();
    await expect(all.producer.send(1)).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  });

  test("tag and endpoint say where a message goes, and what it is", async () => {
    const seen = deferred<string[]>();
    const server = createServer(({ url = "", headers }, response) => {
      seen.resolve([url, `${headers["content-type"]}`]);
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using producer = new PRODUCERS.POSTHandler("agent", { host: `127.0.0.1:${port}` });

    await producer.send({}, { endpoint: "/webhook/1", headersTag: "SSI" });

    expect(await seen.promise).toEqual(["/webhook/1", "application/ssi-agent-wire"]);
    server.close();
    server.closeAllConnections();
  });
});

test("a message within the process waits for its consumer, and is a copy", async () => {
  const message = { list: [1] };
  await using producer = new PRODUCERS.AsyncIOHandler("inside");
  await using consumer = new CONSUMERS.AsyncIOHandler("inside");
  const { got, full, add } = gather<unknown>(1);

  await producer.send(message);
  message.list.push(2);
  await consumer(add);
  await full;

  expect(got).toEqual([{ list: [1] }]);
});

test("a handler that throws is counted and told, and the next message comes", async () => {
  const told: string[] = [];
  const { full, add } = gather<unknown>(1);
  await using producer = new PRODUCERS.AsyncIOHandler("throwing");
  await using consumer = new CONSUMERS.AsyncIOHandler("throwing", {
    onError: (error: unknown, { queue }: { queue: string }) => told.push(`${queue}: ${error}`),
  });
  await consumer((message: number) => {
    if (message === 1) throw new Error("not this one");
    add(message);
  });

  for (const message of [1, 2]) await producer.send(message);
  await full;
  await consumer.close();

  expect(told).toEqual(["throwing: Error: not this one"]);
  expect(figuresOf("AsyncIOHandler", "throwing")).toMatchObject({ handled: 1, failed: 1 });
});

test("closing waits for handlers, and aborts their signal when the time is over", async () => {
  const begun = deferred();
  const aborted = deferred();
  await using producer = new PRODUCERS.AsyncIOHandler("closing");
  const consumer = new CONSUMERS.AsyncIOHandler("closing");
  await consumer(async (_, { signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    begun.resolve();
    await aborted.promise;
  });
  await producer.send(1);
  await begun.promise;

  await consumer.close({ graceMs: 1 });

  await Promise.all([aborted.promise, consumer.closed]);
});

test("a method is a handler by a decorator", async () => {
  const { got, full, add } = gather<unknown>(2);
  await using producer = new PRODUCERS.AsyncIOHandler("decorated");
  await using consumer = new CONSUMERS.AsyncIOHandler("decorated");
  class Orders {
    readonly prefix = "order";
    // As the compiler of a service calls it.
    static readonly initializers: ((this: Orders) => void)[] = [];
    static {
      consumer(Orders.prototype.handle as (message: unknown) => unknown, {
        kind: "method",
        addInitializer: (initialize) => void Orders.initializers.push(initialize as (this: Orders) => void),
      });
    }
    constructor() {
      for (const initialize of Orders.initializers) initialize.call(this);
    }
    handle(message: number) {
      add(`${this.prefix} ${message}`);
    }
  }
  new Orders();

  for (const message of [1, 2]) await producer.send(message);
  await full;

  expect(got).toEqual(["order 1", "order 2"]);
});

describe("protocols", () => {
  test("are known by name, and an unknown one is refused with those that are", () => {
    expect(CONSUMER_LOOPS).toBe(CONSUMERS);
    expect(Object.keys(PRODUCERS)).toEqual(expect.arrayContaining(["HTTPHandler", "POSTHandler", "AsyncIOHandler"]));
    for (const name of ["FaxHandler", "constructor", "__proto__", "toString"])
      for (const registry of [PRODUCERS, CONSUMERS])
        expect(() => registry[name]).toThrow(
          expect.objectContaining({
            ...{ code: "ERR_PROTOCOL_UNKNOWN", message: expect.stringContaining("AsyncIOHandler") },
          }),
        );
  });

  test("of one's own are registered", async () => {
    const sent: unknown[] = [];
    class ListProducer extends Producer {
      readonly protocol = "List";
      protected async deliver(message: unknown): Promise<void> {
        sent.push(message);
      }
    }
    class NoConsumer extends Consumer {
      readonly protocol = "List";
      protected async start(): Promise<void> {}
    }
    registerProtocol("List", { producer: ListProducer, consumer: NoConsumer });

    await new (producerClass("List"))("list").send(7);

    expect(sent).toEqual([7]);
    expect(new (consumerClass("List"))("list")).toBeInstanceOf(Consumer);
  });

  test("have names of queues that fit all of them", () => {
    for (const name of ["", "two words", "a/b", ".hidden", "ü", "x".repeat(201), undefined])
      for (const Class of [PRODUCERS.HTTPHandler, CONSUMERS.AsyncIOHandler])
        expect(() => new Class(name as string)).toThrow(expect.objectContaining({ code: "ERR_QUEUE_NAME" }));
  });
});

// Without NATS, whose engine takes 30 s to say it.
test.concurrent.each([
  ["HTTPHandler", { host: "127.0.0.1:4" }, "127.0.0.1:4"],
  ["RMQIOHandler", { host: "127.0.0.1:4" }, "127.0.0.1:4"],
  ["KafkaHandler", { host: "127.0.0.1:4" }, "127.0.0.1:4"],
  ["ZMQHandler", { url: "ipc:///nowhere/broker" }, "ipc:///nowhere/broker"],
])(
  "over %s, what is sent while the server is away is told to who sends, and counted",
  async (protocol, options, where) => {
    await using producer = new (producerClass(protocol))("away", options);

    await expect(producer.send(1)).rejects.toMatchObject({
      ...{ code: "ERR_ENGINE_UNREACHABLE", message: expect.stringContaining(where) },
    });

    expect(streamFigures()).toContainEqual(
      expect.objectContaining({ queue: "away", protocol: producer.protocol, sent: 0, unsent: 1 }),
    );
  },
);

describe("pairs", () => {
  test("are made by key, in the order consumer and producer, once", () => {
    const factory = new HandlerFactory({
      queue_1: { name: "pair_1", consumer_loop: "AsyncIOHandler", producer: "AsyncIOHandler" },
    });
    const [consumer, producer] = factory.get("queue_1");

    expect(factory.get("queue_1")).toMatchObject({ consumer, producer });
    expect([consumer, producer].map((one) => one?.queue)).toEqual(["pair_1", "pair_1"]);
    expect(() => factory.get("queue_2")).toThrow(/no queue "queue_2" is described; have queue_1/);
  });

  test("that can't work are refused", () => {
    const pair = (consumer_loop: string, producer: string, bridge?: boolean) => () =>
      new HandlerFactory({ q: { name: "q", consumer_loop, producer, ...(bridge !== undefined && { bridge }) } });

    expect(pair("HTTPHandler", "POSTHandler")).not.toThrow();
    expect(pair("AsyncIOHandler", "POSTHandler", true)).not.toThrow();
    expect(pair("AsyncIOHandler", "HTTPHandler")).toThrow(/does not reach AsyncIOHandler/);
    expect(pair("HTTPHandler", "AsyncIOHandler", true)).toThrow(/expected the producer HTTPHandler/);
    expect(pair("HTTPHandler", "FaxHandler")).toThrow(expect.objectContaining({ code: "ERR_PROTOCOL_UNKNOWN" }));
  });
});

describe("a runner", () => {
  test("runs the routes of factories on one server until its signal, and handles what was accepted", async () => {
    const { got, full, add } = gather<string>(2);
    const consumers = new ConsumerFactory(HTTP);
    const named = (text: string) =>
      async function handler() {
        add(text);
      };
    consumers.route("run_1", named("one"));
    consumers.route("run_2")(named("two"));
    const ready = deferred();
    const ending = new AbortController();
    const run = new ConsumerRunner({ consumers, port: 0, say: () => ready.resolve() }).run({ signal: ending.signal });
    await ready.promise;
    const urls = consumers.instances.map((consumer) => (consumer as HttpConsumer).url ?? "");

    for (const url of urls) await fetch(url, { method: "POST", body: "1" });
    await full;
    ending.abort();
    await run;

    expect(got.toSorted()).toEqual(["one", "two"]);
    expect(new Set(urls.map((url) => new URL(url).port)).size).toBe(1);
    expect(consumers.handlers.map(({ name }) => name)).toEqual(["handler", "handler"]);
  });

  test("gives consumers the handlers of their queues", async () => {
    const { got, full, add } = gather<unknown>(1);
    await using producer = new PRODUCERS.AsyncIOHandler("handed");
    const ending = new AbortController();
    const consumers = [new CONSUMERS.AsyncIOHandler("handed")];
    const run = new ConsumerRunner({ consumers, handlers: { handed: add }, say() {} }).run({ signal: ending.signal });

    await producer.send(1);
    await full;
    ending.abort();
    await run;

    expect(got).toEqual([1]);
    await expect(new ConsumerRunner({ consumers: new CONSUMERS.AsyncIOHandler("none") }).run()).rejects.toThrow(
      /queue none: its consumer has no handler/,
    );
  });

  test("without consumers says so and ends", async () => {
    const said: string[] = [];

    await new ConsumerRunner({ consumers: new ConsumerFactory(HTTP), say: (line) => said.push(line) }).run();

    expect(said).toEqual(["no consumers: nothing to run"]);
  });
});
