// The sockets that hear and send signals, before a server that speaks the bytes of a forwarder and can end a connection.
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { openSignalOutbox } from "../../src/messaging/engines/zeromq/signal-outbox.ts";
import { openSignalSubscriber } from "../../src/messaging/engines/zeromq/signal-socket.ts";
import {
  BATCH_LIMITS,
  createZmtpReader,
  encodeMessage,
  greeting,
  subscription,
} from "../../src/messaging/engines/zeromq/zmtp.ts";
import { awaitEvents } from "../support/recording.ts";

const SUBSCRIBED = "\x01";
const CANCELLED = "\x00";
/** The flag of a frame whose length has eight bytes. */
const LONG = 2;

/** A server: what its peers say, frame by frame, each connection told apart by its number, and the connection at hand. */
async function server() {
  const said = awaitEvents<string>("what peers say", (word) => JSON.stringify(word));
  const ready = awaitEvents<number>("connections that are ready", String);
  let latest: Socket | undefined;
  let connections = 0;
  const listening = createServer((socket) => {
    latest = socket;
    connections += 1;
    const number = connections;
    const reader = createZmtpReader({ type: "ROUTER", identity: "" }, BATCH_LIMITS, {
      onReady: () => ready.add(number),
      reply: (bytes) => void socket.write(bytes),
    });
    socket.write(greeting());
    socket.on("data", (chunk) => {
      for (const frames of reader.take(chunk)) said.add(`${number} ${frames.join("|")}`);
    });
    socket.on("error", () => {});
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const address = listening.address();
  if (address === null || typeof address === "string") throw new Error("a server on TCP has a port");
  onTestFinished(() => {
    latest?.destroy();
    listening.close();
  });
  return {
    endpoint: `tcp://127.0.0.1:${address.port}`,
    said,
    write: (bytes: Buffer) => void latest?.write(bytes),
    end: () => void latest?.destroy(),
    /** Resolves when the connection of that number is. */
    ready: (number: number) => ready.first((one) => one === number),
    /** Resolves when a connection has said that. */
    once: (word: string) => said.first((one) => one === word, { what: JSON.stringify(word) }),
  };
}

function subscriberOf(endpoint: string | Promise<string>) {
  const heard = awaitEvents<string[]>("what was heard", JSON.stringify);
  const subscriber = openSignalSubscriber(endpoint, (frames) => heard.add(frames.map(String)));
  onTestFinished(() => subscriber.close());
  return { subscriber, heard };
}

test("what is subscribed to before and after a connection is told to each one, once", async () => {
  const { endpoint, said, once, end } = await server();
  const { subscriber } = subscriberOf(Promise.resolve(endpoint));
  subscriber.subscribe("before");
  await subscriber.up;

  for (const topic of ["before", "after", "gone"]) subscriber.subscribe(topic);
  subscriber.unsubscribe("gone");
  await once(`1 ${CANCELLED}gone`);
  end();
  await once(`2 ${SUBSCRIBED}after`);

  expect(said.all).toEqual([
    ...[`1 ${SUBSCRIBED}before`, `1 ${SUBSCRIBED}after`, `1 ${SUBSCRIBED}gone`, `1 ${CANCELLED}gone`],
    ...[`2 ${SUBSCRIBED}before`, `2 ${SUBSCRIBED}after`],
  ]);
});

test("messages come with their frames, and after one that can't be read by the next connection", async () => {
  const { endpoint, once, write } = await server();
  const { subscriber, heard } = subscriberOf(endpoint);
  subscriber.subscribe("t");
  await once(`1 ${SUBSCRIBED}t`);

  write(encodeMessage("t one", ["attached"]));
  await heard.first(([first]) => first === "t one");
  write(Buffer.from([LONG, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
  await once(`2 ${SUBSCRIBED}t`);
  write(encodeMessage("t two", []));
  await heard.first(([first]) => first === "t two");

  expect(heard.all).toEqual([
    ["t one", "attached"],
    ["t two", ""],
  ]);
});

test("a subscriber that is closed before its endpoint is known does not connect", async () => {
  const { promise, resolve } = deferred<string>();
  const { endpoint, once } = await server();
  const { subscriber: closed } = subscriberOf(promise);
  closed.subscribe("closed");
  await closed.close();

  resolve(endpoint);
  const { subscriber } = subscriberOf(promise);
  subscriber.subscribe("open");

  await once(`1 ${SUBSCRIBED}open`);
});

/** An outbox that begins to connect. */
function outboxOf(endpoint: string) {
  const outbox = openSignalOutbox(Promise.resolve(endpoint), "me");
  onTestFinished(() => outbox.close());
  const post = (text: string) => outbox.post("t", (sequence) => [`${text} ${sequence}`, Buffer.from("bytes")]);
  return { outbox, post };
}

const EVERYTHING = subscription("", true);

test("messages wait until the other side wants all, and leave in their order with their frames", async () => {
  const { endpoint, said, once, ready, write } = await server();
  const { outbox, post } = outboxOf(endpoint);
  post("early");
  await ready(1);
  write(subscription("other", true));
  await outbox.onceSubscribed("other");
  expect(said.all).toEqual([]);

  write(EVERYTHING);
  await outbox.up;
  for (const text of ["b", "c", "déjà"]) post(text);
  await once("1 déjà 4|bytes");

  expect(said.all).toEqual(["1 early 1|bytes", "1 b 2|bytes", "1 c 3|bytes", "1 déjà 4|bytes"]);
  expect(outbox.published).toEqual(new Map([["t", 4]]));
});

test("what is said while the connection is away leaves by the next one", async () => {
  const { endpoint, once, ready, write, end } = await server();
  const { outbox, post } = outboxOf(endpoint);
  await ready(1);
  write(EVERYTHING);
  await outbox.up;
  end();
  await ready(2);

  post("kept");
  write(EVERYTHING);

  await once("2 kept 1|bytes");
});

test("10,000 messages wait, and no further one; one that is refused has no number", async () => {
  const { endpoint } = await server();
  const { outbox, post } = outboxOf(endpoint);
  for (let i = 0; i < 10_000; i += 1) post("x");

  expect(() => post("x")).toThrow("10000 messages wait for the forwarder already");
  expect(outbox.published.get("t")).toBe(10_000);
  // Totals tell of what a flood has cost, so they have room of their own.
  outbox.post("~counts", () => "totals");
  await outbox.close();
  expect(() => post("x")).toThrow("the bus is closed");
});

test("what was said before the end has left at the end", async () => {
  const { endpoint, once, ready, write } = await server();
  const { outbox, post } = outboxOf(endpoint);
  await ready(1);
  write(EVERYTHING);
  await outbox.up;

  for (let i = 0; i < 9_999; i += 1) post("x");
  await outbox.close();

  await once("1 x 9999|bytes");
});

test("news of what others begin to want is heard by frames and by commands", async () => {
  const { endpoint, ready, write } = await server();
  const { outbox } = outboxOf(endpoint);
  const topics = awaitEvents<string>("topics", String);
  outbox.onSubscribed(topics.add);
  await ready(1);

  write(Buffer.concat([subscription("one", true), subscription("one", false)]));
  write(Buffer.from("\x04\x0d\x09SUBSCRIBEtwo", "latin1"));
  await topics.first((topic) => topic === "two");

  expect(topics.all).toEqual(["one", "two"]);
});
