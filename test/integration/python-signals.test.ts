// Signals between Python and TypeScript: what is lost of them is counted, and those of a queue go to one of its members.
import { expect, test } from "vitest";
import { XPublisher } from "zeromq";
import type { EventBus } from "../../src/messaging/index.ts";
import type { Json } from "../../src/protocol/json.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type BusOfTest, openBus, type Peer } from "../support/bus-peer.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

interface Counts {
  topic: string;
  publisher: string;
  received: number;
  lost: number;
}

/** Resolves with what a peer has counted once it makes so many. */
async function countsOf(peer: Peer, count: number): Promise<Counts | undefined> {
  const heardBy = async () => {
    const { result } = await peer.do({ do: "figures" });
    return (result as unknown as { heard: Counts[] }).heard;
  };
  const sum = async () => (await heardBy()).reduce((sum, { received, lost }) => sum + received + lost, 0);
  await expect.poll(sum, { timeout: BOUND_MS }).toBe(count);
  return (await heardBy())[0];
}

test.each(["TypeScript", "Python"])("a peer that was halted knows what it has lost of one in %s", async (language) => {
  await using bus = await openBus();
  const peer = await bus.startPeer();
  await peer.do({ do: "subscribe", topic: "readings", quietly: true });
  const publisher = await publisherIn(language, bus);

  await publisher.publish(100);
  await countsOf(peer, 100);
  peer.signal("SIGSTOP");
  await publisher.publish(100_000);
  await publisher.close();
  peer.signal("SIGCONT");

  const counts = await countsOf(peer, 100_100);
  expect(counts).toEqual({
    ...{ topic: "readings", publisher: publisher.src },
    ...{ received: expect.any(Number), lost: expect.any(Number) },
  });
  expect(counts?.received).toBeGreaterThan(100);
  expect(counts?.lost).toBeGreaterThan(0);
  const service = publisher.src.split("/")[1];
  const told = {
    topic: "readings",
    publisher: service,
    subscriber: "peer",
    received: counts?.received,
    lost: counts?.lost,
  };
  await expect.poll(() => bus.signals(), { timeout: BOUND_MS }).toContainEqual(told);
});

interface Publisher {
  src: string;
  publish(count: number): Promise<void>;
  close(): Promise<void>;
}

async function publisherIn(language: string, bus: BusOfTest): Promise<Publisher> {
  if (language === "TypeScript") {
    const shop = await bus.connect("shop");
    return {
      src: "test/shop/ts1",
      publish: (count) => publishMany(shop, "readings", count),
      close: () => shop.close(),
    };
  }
  const peer = await bus.startPeer();
  return {
    src: "test/peer/py1",
    async publish(count) {
      await peer.do({ do: "publish many", topic: "readings", count });
    },
    async close() {
      await peer[Symbol.asyncDispose]();
    },
  };
}

/** Publishes so many numbers, waiting whenever the bus says that it is overloaded. */
async function publishMany(bus: EventBus, topic: string, count: number): Promise<void> {
  for (let number = 0; number < count; ) {
    try {
      bus.publish(topic, number);
      number += 1;
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_OVERLOADED") throw error;
      await new Promise(setImmediate);
    }
  }
}

test("each signal goes to one member of its queue, in Python or in TypeScript", async () => {
  await using bus = await openBus();
  const [first, second, shop] = [await bus.startPeer(), await bus.startPeer(), await bus.connect("shop")];
  const inTypeScript: Json[] = [];
  await Promise.all([
    first.do({ do: "subscribe", topic: "jobs", queue: "q" }),
    second.do({ do: "subscribe", topic: "jobs", queue: "q" }),
    shop.subscribe("jobs", (content) => void inTypeScript.push(content), { queue: "q" }),
  ]);
  const handledBy = () => [first, second].map(contentsHeard).concat([inTypeScript]);
  const all = (count: number) => Array.from({ length: count }, (_, number) => number);

  await publishMany(shop, "jobs", 500);
  await expect.poll(() => handledBy().flat().length, { timeout: BOUND_MS }).toBe(500);
  expect(sorted(handledBy().flat())).toEqual(all(500));
  for (const handled of handledBy()) expect(handled.length).toBeGreaterThan(100);

  // One leaves while signals are published: nobody misses any.
  const publishing = second.do({ do: "publish many", topic: "jobs", count: 5_000 });
  await first.do({ do: "unsubscribe" });
  await publishing;
  await expect.poll(() => handledBy().flat().length, { timeout: BOUND_MS }).toBe(5_500);
  expect(sorted(handledBy().flat())).toEqual(sorted([...all(500), ...all(5_000)]));

  const before = contentsHeard(first).length;
  await publishMany(shop, "jobs", 100);
  await expect.poll(() => handledBy().flat().length, { timeout: BOUND_MS }).toBe(5_600);
  expect(contentsHeard(first)).toHaveLength(before);
});

test("a member of a queue that is handling a signal is known to one that joins", async () => {
  await using bus = await openBus();
  const [peer, shop] = [await bus.startPeer(), await bus.connect("shop")];
  const inTypeScript: Json[] = [];
  await peer.do({ do: "subscribe", topic: "jobs", queue: "q" });
  shop.publish("jobs", "hold");
  await peer.lines.first(({ signal }) => signal?.content === "hold");

  await shop.subscribe("jobs", (content) => void inTypeScript.push(content), { queue: "q" });
  await publishMany(shop, "jobs", 200);
  await peer.do({ do: "let go" });
  const handled = () => [...contentsHeard(peer).slice(1), ...inTypeScript];
  await expect.poll(() => handled().length, { timeout: BOUND_MS }).toBeGreaterThanOrEqual(200);
  // Behind all that was published before.
  await peer.do({ do: "publish many", topic: "jobs", count: 1 });
  await expect.poll(() => handled().filter((content) => content === 0).length, { timeout: BOUND_MS }).toBe(2);

  expect(sorted(handled())).toEqual([0, ...Array.from({ length: 200 }, (_, number) => number)]);
});

function contentsHeard(peer: Peer): Json[] {
  return peer.lines.all.flatMap(({ signal }) => (signal?.content === undefined ? [] : [signal.content]));
}

function sorted(numbers: Json[]): Json[] {
  return numbers.toSorted((a, b) => Number(a) - Number(b));
}

test("a signal without a header is the content itself, and goes to one member of a queue as well", async () => {
  await using bus = await openBus();
  const [first, second, shop] = [await bus.startPeer(), await bus.startPeer(), await bus.connect("shop")];
  const inTypeScript: Json[] = [];
  await Promise.all([
    ...[first, second].map((peer) => peer.do({ do: "subscribe", topic: "jobs", queue: "q" })),
    shop.subscribe("jobs", (content) => void inTypeScript.push(content), { queue: "q" }),
  ]);
  const talker = new XPublisher({ linger: 1_000 });
  talker.connect(bus.endpoints.publish);
  await talker.receive();

  // As Python writes them, which JavaScript would not.
  for (let number = 0; number < 60; number += 1) await talker.send(`jobs @@@ {"b": ${number}.0, "1": "ü"}`);
  const handled = () => [...contentsHeard(first), ...contentsHeard(second), ...inTypeScript];
  await expect.poll(() => handled().length, { timeout: BOUND_MS }).toBe(60);
  talker.close();

  expect(sorted(handled().map((content) => (content as { b: number }).b))).toEqual(
    Array.from({ length: 60 }, (_, i) => i),
  );
  expect(inTypeScript.length).toBeGreaterThan(0);
});
