// What signals promise on every engine. A test file of an engine calls this with a way to make its buses.
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import type { BusOptions } from "../../src/messaging/bus-types.ts";
import { createFileStorage } from "../../src/messaging/claims/file-storage.ts";
import type { SignalFigures } from "../../src/messaging/contract/engine.ts";
import type { Envelope } from "../../src/messaging/contract/envelope.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import type { Json } from "../../src/protocol/json.ts";
import { BOUND_MS } from "../support/bound.ts";
import { makeFolder } from "../support/folder.ts";
import { gather, type Members, openBuses } from "./members.ts";

const LIMIT_BYTES = 1_048_576;
/** A text whose JSON has so many bytes, two or more for most of its letters. */
function textOf(bytes: number): string {
  const quotes = 2;
  const letters = Math.floor((bytes - quotes) / 2);
  return "ü".repeat(letters) + "x".repeat(bytes - quotes - 2 * letters);
}

function ear(count: number) {
  const { got: heard, full, add: hear } = gather<Json>(count);
  return { heard, full, hear };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Of one bus, once it has counted so many signals on a topic, whatever became of them. */
async function figuresOf(bus: EventBus, topic: string, count: number): Promise<SignalFigures["heard"]> {
  const on = () => bus.signalFigures.heard.filter((counts) => counts.topic === topic);
  const all = () => on().reduce((sum, { received, lost }) => sum + received + lost, 0);
  await expect.poll(all, { timeout: BOUND_MS }).toBe(count);
  return on();
}

export function testSignals(name: string, openMembers: () => Promise<Members>): void {
  describe(`signals over ${name}`, () => {
    test("reach all that have subscribed when subscribe resolves, in order", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, ...subscribers] = await Promise.all(["p", "s1", "s2"].map((src) => buses.connect(src)));
      const ears = subscribers.map(() => ear(500));
      await Promise.all(subscribers.map((bus, index) => bus.subscribe("t", (content) => ears[index]?.hear(content))));

      for (const number of upTo(500)) publisher?.publish("t", number);
      await Promise.all(ears.map(({ full }) => full));

      expect(ears.map(({ heard }) => heard)).toEqual([upTo(500), upTo(500)]);
    });

    test("bring any JSON as it was, and who published it when", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, subscriber] = await Promise.all([buses.connect("c/s/p"), buses.connect("c/s/s")]);
      const contents: Json[] = [
        null,
        0,
        -1.5,
        "",
        "a @@@ b @@@@ ü 😀",
        [],
        {},
        { token: "x" },
        { header: { a: 1 }, content: 2 },
      ];
      const { heard, full, hear } = ear(contents.length);
      const sources = new Set<string>();
      const before = Date.now();
      await subscriber.subscribe("t", (content, { src, sent, topic }) => {
        sources.add(`${topic} ${src} ${sent >= before && sent <= Date.now()}`);
        hear(content);
      });

      for (const content of contents) publisher.publish("t", content);
      await full;

      expect(heard).toEqual(contents);
      expect([...sources]).toEqual(["t c/s/p true"]);
    });

    test("come with the bytes that were attached to them", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, subscriber] = await Promise.all([buses.connect("p"), buses.connect("s")]);
      const picture = Buffer.from(upTo(256));
      const arrived = deferred<readonly Buffer[]>();
      await subscriber.subscribe("t", (_, { attachments }) => arrived.resolve(attachments));

      publisher.publish("t", { width: 16 }, [picture, Buffer.alloc(0), Buffer.from("t @@@ 1")]);

      const attachments = await arrived.promise;
      expect(attachments.map((bytes) => Buffer.from(bytes))).toEqual([
        picture,
        Buffer.alloc(0),
        Buffer.from("t @@@ 1"),
      ]);
    });

    test("are heard on their own topic, and on no other that begins with it", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, subscriber] = await Promise.all([buses.connect("p"), buses.connect("s")]);
      const short = ear(1);
      const long = ear(1);
      await subscriber.subscribe("temp", short.hear);
      await subscriber.subscribe("temperature", long.hear);

      publisher.publish("temperature", 1);
      await long.full;
      publisher.publish("temp", 2);
      await short.full;

      expect([short.heard, long.heard]).toEqual([[2], [1]]);
    });

    test("that are published just before the bus is closed arrive", async () => {
      await using buses = await openBuses(openMembers);
      const subscriber = await buses.connect("s");
      const { heard, full, hear } = ear(2);
      await subscriber.subscribe("t", hear);

      const publisher = await buses.connect("p");
      // Connected, as a program is.
      await publisher.operations.queues();
      publisher.publish("t", 1);
      publisher.publish("t", 2);
      await publisher.close();
      await full;

      expect(heard).toEqual([1, 2]);
    });

    test("are heard by a tap on every topic like its pattern, and on no other", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, watcher] = await Promise.all([buses.connect("c/s/p"), buses.connect("w")]);
      const seen: string[] = [];
      const last = deferred();
      const tap = await watcher.operations.tap(
        { events: [], calls: [], signals: ["t*", "last"] },
        {
          onMessage({ kind, name, envelope: { src }, body }) {
            seen.push(`${kind} ${name} ${src} ${body}`);
            if (name === "last") last.resolve();
          },
          onMissed() {},
        },
      );

      publisher.publish("t1", 1);
      publisher.publish("other", 2);
      publisher.publish("t2", 3);
      publisher.publish("last", 4);
      await last.promise;
      await tap.close();

      expect(seen).toEqual(["signal t1 c/s/p 1", "signal t2 c/s/p 3", "signal last c/s/p 4"]);
    });

    test("no longer come once a subscription is closed, and others go on", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, subscriber] = await Promise.all([buses.connect("p"), buses.connect("s")]);
      const [closed, open] = [ear(1), ear(2)];
      const subscription = await subscriber.subscribe("t", closed.hear);
      await subscriber.subscribe("t", open.hear);

      publisher.publish("t", 1);
      await closed.full;
      await subscription.close();
      publisher.publish("t", 2);
      await open.full;

      expect([closed.heard, open.heard]).toEqual([[1], [1, 2]]);
    });

    test("go to one subscriber of each queue, and to all that name none", async () => {
      await using buses = await openBuses(openMembers);
      const sources = ["p", "a1", "a2", "a3", "b1", "all"];
      const connected = await Promise.all(sources.map((src) => buses.connect(src)));
      const [publisher, ...subscribers] = connected;
      const queues = ["a", "a", "a", "b", undefined];
      const heard = new Map<string | undefined, { member: number; number: Json }[]>(queues.map((queue) => [queue, []]));
      const done = ear(3 * 600);
      await Promise.all(
        subscribers.map((bus, member) => {
          const queue = queues[member];
          const hear = (number: Json) => {
            heard.get(queue)?.push({ member, number });
            done.hear(number);
          };
          return bus.subscribe("t", hear, queue === undefined ? {} : { queue });
        }),
      );

      for (const number of upTo(600)) publisher?.publish("t", number);
      await done.full;

      for (const of of heard.values())
        expect(of.map(({ number }) => number).sort((one, other) => Number(one) - Number(other))).toEqual(upTo(600));
      const members = heard.get("a")?.map(({ member }) => member);
      for (const member of [0, 1, 2]) expect(members?.filter((one) => one === member).length).toBeGreaterThan(100);
    });

    test("of a queue go to those who stay when a subscriber leaves", async () => {
      await using buses = await openBuses(openMembers);
      const [publisher, leaves, stays] = await Promise.all(["p", "l", "s"].map((src) => buses.connect(src)));
      const [left, stayed] = [ear(100), ear(100)];
      const subscription = await leaves?.subscribe("t", left.hear, { queue: "q" });
      await stays?.subscribe("t", stayed.hear, { queue: "q" });

      await subscription?.close();
      for (const number of upTo(100)) publisher?.publish("t", number);
      await stayed.full;

      expect([left.heard, stayed.heard]).toEqual([[], upTo(100)]);
    });

    test("are counted at both ends", async () => {
      await using buses = await openBuses(openMembers);
      const [one, two, subscriber] = await Promise.all(["c/s/1", "c/s/2", "c/s/3"].map((src) => buses.connect(src)));
      const before = ear(7);
      await one?.subscribe("t", before.hear);
      for (const number of upTo(7)) one?.publish("t", number);
      await before.full;
      await subscriber?.subscribe("t", () => {});

      for (const number of upTo(30)) one?.publish("t", number);
      for (const number of upTo(20)) two?.publish("t", number);
      const heard = subscriber && (await figuresOf(subscriber, "t", 50));

      expect(one?.signalFigures.published).toEqual([{ topic: "t", published: 37 }]);
      expect(two?.signalFigures.published).toEqual([{ topic: "t", published: 20 }]);
      expect(heard?.sort((a, b) => (a.publisher < b.publisher ? -1 : 1))).toEqual([
        { topic: "t", publisher: "c/s/1", received: 30, lost: 0 },
        { topic: "t", publisher: "c/s/2", received: 20, lost: 0 },
      ]);
    });

    test("keep session and trace in what a handler publishes", async () => {
      await using members = await openMembers();
      const engines = await Promise.all(["p", "r", "s"].map((src) => members.connect(src)));
      const [publisher, relay] = engines.map((engine) => new EventBus({ engine, src: "c/s/i" }));
      const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
      const arrived = deferred<Envelope>();
      await engines[2]?.subscribe("second", undefined, ({ envelope }) => arrived.resolve(envelope));
      await relay?.subscribe("first", (content, { bus }) => bus.publish("second", content));

      publisher?.within({ sessionId: 'a "session" of ü', traceparent }).publish("first", 1);

      expect(await arrived.promise).toMatchObject({
        session_id: 'a "session" of ü',
        traceparent: expect.stringMatching(/^00-(ab){16}-(?!(cd){8})[0-9a-f]{16}-01$/),
      });
    });

    test("above 1 MiB are stored and fetched, in order with those that are not", async () => {
      await using buses = await openBuses(openMembers);
      await using folder = await makeFolder();
      const stored: number[] = [];
      const files = createFileStorage(folder.path);
      const storage: BusOptions["storage"] = {
        ...files,
        storeMessage(body, ttlMs) {
          stored.push(body.length);
          return files.storeMessage(body, ttlMs);
        },
      };
      const [publisher, subscriber] = await Promise.all(["p", "s"].map((src) => buses.connect(src, { storage })));
      const { heard, full, hear } = ear(5);
      await subscriber?.subscribe("t", hear);
      const [whole, large] = [textOf(LIMIT_BYTES), textOf(LIMIT_BYTES + 1)];

      for (const content of ["before", large, "between", whole, "last"]) publisher?.publish("t", content);
      await full;

      expect(heard.map((content) => `${content}`.length)).toEqual([6, large.length, 7, whole.length, 4]);
      expect(heard[1] === large && heard[3] === whole).toBe(true);
      expect(stored).toEqual([LIMIT_BYTES + 1]);
    });

    test("above 1 MiB are refused without a store", async () => {
      await using buses = await openBuses(openMembers);
      const bus = await buses.connect("p");

      expect(() => bus.publish("t", textOf(LIMIT_BYTES + 1))).toThrow(
        expect.objectContaining({ code: "ERR_MESSAGE_TOO_LARGE" }),
      );
    });

    test("that a handler throws at are reported, and the next one comes", async () => {
      await using buses = await openBuses(openMembers);
      const errors: string[] = [];
      const onHandlerError = (error: unknown, what: string) => errors.push(`${what}: ${error}`);
      const [publisher, subscriber] = await Promise.all([buses.connect("p"), buses.connect("s", { onHandlerError })]);
      const { heard, full, hear } = ear(1);
      await subscriber.subscribe("t", (content) => {
        if (content === 1) throw new Error("now");
        if (content === 2) return Promise.reject(new Error("later"));
        return hear(content);
      });

      for (const content of [1, 2, 3]) publisher.publish("t", content);
      await full;
      await subscriber.drain();

      expect(heard).toEqual([3]);
      expect(errors).toEqual(["signal t: Error: now", "signal t: Error: later"]);
    });

    test("can't be published on what is no topic", async () => {
      await using buses = await openBuses(openMembers);
      const bus = await buses.connect("p");

      for (const topic of ["", "two words", "a@@@b"])
        expect(() => bus.publish(topic, 1)).toThrow(expect.objectContaining({ code: "ERR_MESSAGE_MALFORMED" }));
    });
  });
}
