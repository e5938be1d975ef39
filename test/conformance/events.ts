// What events promise on every engine, by the numbers of the table of guarantees. A test file of an engine calls this with a
// way to make its members.
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { createFileStorage } from "../../src/messaging/claims/file-storage.ts";
import { NonRetryableError } from "../../src/messaging/contract/service-error.ts";
import type { ReceivedEvent } from "../../src/messaging/received-event.ts";
import { BOUND_MS } from "../support/bound.ts";
import { makeFolder } from "../support/folder.ts";
import { aborted, gather, type Members, openBuses } from "./members.ts";

const LIMIT_BYTES = 1_048_576;
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

export function testEvents(name: string, openMembers: () => Promise<Members>): void {
  const open = () => openBuses(openMembers);

  describe(`events over ${name}`, () => {
    test("P1, P3: each group has each event once, shared among its members, from listen on", async () => {
      await using buses = await open();
      const [emitter, ...members] = await Promise.all(upTo(7).map((i) => buses.connect(`test/bus/${i}`)));
      const groups = [gather<number>(1_000), gather<number>(1_000)] as const;
      const busy = new Set<number>();
      await Promise.all(
        members.map((bus, i) =>
          bus.listen("orders.created", `group${i % 2}`, ({ content }) => {
            busy.add(i);
            groups[(i % 2) as 0 | 1].add(content as number);
          }),
        ),
      );

      const receipts = await Promise.all(upTo(1_000).map((content) => emitter?.emit("orders.created", { content })));
      await Promise.all(groups.map(({ full }) => full));

      expect(receipts.every((receipt) => receipt?.routed)).toBe(true);
      for (const { got } of groups) expect(got.toSorted((a, b) => a - b)).toEqual(upTo(1_000));
      expect(busy.size).toBe(6);
    });

    test("P2: one that no group has wanted is held for the first that listens", async () => {
      await using buses = await open();
      const [emitter, late] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const got = gather<unknown>(1);

      expect(await emitter.emit("a.b", { content: 1 })).toMatchObject({ routed: false });
      await late.listen("a.b", "g", ({ content }) => got.add(content));
      await got.full;

      expect(got.got).toEqual([1]);
    });

    test("P2: with requireRoute, emit waits for a group", async () => {
      await using buses = await open();
      const [emitter, late] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);

      const receipt = emitter.emit("a.b", { content: 1 }, { requireRoute: true });
      await late.listen("a.b", "g", () => {});

      expect(await receipt).toMatchObject({ routed: true });
    });

    test("P3: a group keeps what comes while none of its members is there", async () => {
      await using buses = await open();
      const [emitter, first, second] = await Promise.all(upTo(3).map((i) => buses.connect(`a/b/${i}`)));
      await first?.listen("a.b", "g", () => {});
      await first?.close();
      const got = gather<unknown>(2);

      for (const content of [1, 2]) expect(await emitter?.emit("a.b", { content })).toMatchObject({ routed: true });
      await second?.listen("a.b", "g", ({ content }) => got.add(content));
      await got.full;

      expect(got.got).toEqual([1, 2]);
    });

    test("P4: what a member had that leaves goes to another one, as a further attempt", async () => {
      await using buses = await open();
      const [emitter, first, second] = await Promise.all(upTo(3).map((i) => buses.connect(`a/b/${i}`)));
      const taken = deferred();
      const again = deferred<number>();
      await first?.listen("a.b", "g", async (event) => {
        taken.resolve();
        await aborted(event.signal);
      });
      await emitter?.emit("a.b", { content: 1 });
      await taken.promise;
      await second?.listen("a.b", "g", ({ attempt }) => again.resolve(attempt));
      await first?.close();

      expect(await again.promise).toBe(2);
    });

    test("P5: one that fails is tried six times, then a dead letter, and can be replayed", async () => {
      await using buses = await open();
      const [emitter, member] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const attempts: number[] = [];
      const healthy = deferred<number>();
      let isBroken = true;
      await member.listen(
        "a.b",
        "g",
        (event) => {
          attempts.push(event.attempt);
          if (isBroken) throw new TypeError("no stock");
          healthy.resolve(event.attempt);
        },
        { retry: { minDelayMs: 1 }, handlerName: "stock" },
      );
      await emitter.emit("a.b", { content: 1 });
      await expect.poll(() => emitter.operations.deadLetters({}), { timeout: BOUND_MS }).toHaveLength(1);

      const [letter] = await emitter.operations.deadLetters({ event: "a.b", group: "g" });
      expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
      expect(letter).toMatchObject({
        ...{ event: "a.b", group: "g", reason: "attempts", attempts: 6, handler: "stock" },
        error: { name: "TypeError", message: "no stock", stack: expect.stringContaining("no stock") },
      });
      isBroken = false;
      expect(await emitter.operations.replay([letter?.id ?? ""])).toBe(1);
      expect(await healthy.promise).toBe(1);
      expect(await emitter.operations.deadLetters({})).toEqual([]);
    });

    test("P5: what can't succeed is a dead letter at once, and can be discarded", async () => {
      await using buses = await open();
      const [emitter, member] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      await member.listen("a.b", "g", () => {
        throw new NonRetryableError("never");
      });
      await member.listen("a.c", "g", () => {}, { content: { type: "object", required: ["id"] } });
      await emitter.emit("a.b", { content: 1 });
      await emitter.emit("a.c", { content: {} });
      await expect.poll(() => emitter.operations.deadLetters({}), { timeout: BOUND_MS }).toHaveLength(2);

      const letters = await emitter.operations.deadLetters({});
      expect(letters.map(({ reason }) => reason).toSorted()).toEqual(["not-retryable", "schema"]);
      expect(await emitter.operations.discard(letters.map(({ id }) => id))).toBe(2);
      expect(await emitter.operations.deadLetters({})).toEqual([]);
    });

    test("P5: a handler says what becomes of an event, once", async () => {
      await using buses = await open();
      const [emitter, member] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const said = gather<[unknown, number, unknown]>(4);
      await member.listen("a.b", "g", (event) => {
        const { content, attempt } = event;
        if (content === "reject" && attempt === 1) event.reject({ delayMs: 0 });
        else if (content === "drop") event.drop();
        else event.ack();
        said.add([content, attempt, codeOf(() => event.ack())]);
      });
      for (const content of ["ack", "reject", "drop"]) await emitter.emit("a.b", { content });
      await said.full;

      const twice = "ERR_ALREADY_SETTLED";
      expect(said.got).toEqual(
        expect.arrayContaining([
          ...[
            ["ack", 1, twice],
            ["reject", 1, twice],
            ["reject", 2, twice],
            ["drop", 1, twice],
          ],
        ]),
      );
      expect(await emitter.operations.deadLetters({})).toEqual([]);
    });

    test("P5: what a handler rejects comes back no earlier than it asked for, also when it has left", async () => {
      await using buses = await open();
      const [emitter, first, second] = await Promise.all(upTo(3).map((i) => buses.connect(`a/b/${i}`)));
      const delayMs = 2_000;
      const rejected = deferred<number>();
      const again = deferred<[attempt: number, atMs: number]>();
      await first?.listen("a.b", "g", (event) => {
        event.reject({ delayMs });
        rejected.resolve(performance.now());
      });
      await emitter?.emit("a.b", { content: 1 });
      const rejectedMs = await rejected.promise;
      await first?.close();
      await second?.listen("a.b", "g", ({ attempt }) => again.resolve([attempt, performance.now()]));
      const [attempt, atMs] = await again.promise;

      expect(attempt).toBe(2);
      expect(atMs - rejectedMs).toBeGreaterThanOrEqual(delayMs);
    });

    test("P6: a member has no more at a time than it asked for, and a slow group holds up no other", async () => {
      await using buses = await open();
      const [emitter, slow, fast] = await Promise.all(upTo(3).map((i) => buses.connect(`a/b/${i}`)));
      let under = 0;
      await slow?.listen(
        "a.b",
        "slow",
        async ({ signal }) => {
          under += 1;
          await aborted(signal);
        },
        { prefetch: 3 },
      );
      const got = gather<unknown>(200);
      await fast?.listen("a.b", "fast", ({ content }) => got.add(content));
      for (const content of upTo(200)) await emitter?.emit("a.b", { content });
      await got.full;

      expect(under).toBe(3);
      const queues = await emitter?.operations.queues();
      expect(queues?.find(({ group }) => group === "slow")).toMatchObject({ ready: 197, in_flight: 3 });
    });

    test.each([
      ["whole at 1,048,576 bytes", LIMIT_BYTES, 0],
      ["as a token at 1,048,577", LIMIT_BYTES + 1, 1],
    ])("P11: a body of multi-byte text travels %s", async (_, bytes, stored) => {
      await using buses = await open();
      await using folder = await makeFolder();
      let count = 0;
      const files = createFileStorage(folder.at("claims"));
      const storage: typeof files = {
        storeMessage(body, ttlMs) {
          count += 1;
          return files.storeMessage(body, ttlMs);
        },
        recoverMessage: files.recoverMessage,
      };
      const [emitter, ...members] = await Promise.all(upTo(3).map((i) => buses.connect(`a/b/${i}`, { storage })));
      const got = gather<unknown>(2);
      for (const [i, bus] of members.entries()) await bus.listen("a.b", `g${i}`, ({ content }) => got.add(content));
      const content = contentOf(bytes);
      await emitter?.emit("a.b", { content });
      await got.full;

      expect(got.got.map((each) => each === content)).toEqual([true, true]);
      expect(count).toBe(stored);
    });

    test("P13: a bus that drains settles what it has, and gets nothing more", async () => {
      await using buses = await open();
      const [emitter, member] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const begun = gather<ReceivedEvent>(16);
      const release = deferred();
      await member.listen("a.b", "g", async (event) => {
        begun.add(event);
        await release.promise;
      });
      for (const content of upTo(100)) await emitter.emit("a.b", { content });
      await begun.full;
      const drained = member.drain();
      release.resolve();

      expect(await drained).toBe(true);
      expect(begun.got).toHaveLength(16);
      await expect
        .poll(() => emitter.operations.queues(), { timeout: BOUND_MS })
        .toMatchObject([{ ready: 84, in_flight: 0, members: 0 }]);
    });

    test("a tap gets copies of those whose names are like its pattern, and of no other", async () => {
      await using buses = await open();
      const [emitter, watcher] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const seen: unknown[] = [];
      await using _ = await watcher.operations.tap(
        { events: ["a.*"], calls: [], signals: [] },
        {
          onMessage: ({ kind, name, body }) => void seen.push([kind, name, JSON.parse(body.toString()).content]),
          onMissed() {},
        },
      );
      await emitter.listen("a.c", "g", () => {});
      await emitter.listen("x.y", "g", () => {});
      // Whoever emits hears of a tap in its own time.
      const first = async () => {
        await emitter.emit("a.a", { content: 0 });
        return seen.length;
      };
      await expect.poll(first, { timeout: BOUND_MS }).toBeGreaterThan(0);

      expect(await emitter.emit("a.b", { content: 1 })).toMatchObject({ routed: false });
      await emitter.emit("x.y", { content: 2 });
      await emitter.emit("a.c", { content: 3 });
      const others = () => seen.filter((one) => !isDeepStrictEqual(one, ["event", "a.a", 0]));
      await expect.poll(() => others().length, { timeout: BOUND_MS }).toBe(2);

      expect(others()).toEqual([
        ["event", "a.b", 1],
        ["event", "a.c", 3],
      ]);
    });

    test("session and trace go on in what a handler emits", async () => {
      await using buses = await open();
      const [emitter, member] = await Promise.all([buses.connect("a/b/1"), buses.connect("a/b/2")]);
      const followed = deferred<ReceivedEvent>();
      await member.listen("a.b", "g", async (_, bus) => void (await bus.emit("a.c", { content: 2 })));
      await member.listen("a.c", "g", (event) => followed.resolve(event));
      await emitter.emit("a.b", { content: 1 }, { sessionId: "s1" });

      expect((await followed.promise).meta.session_id).toBe("s1");
    });
  });
}

function codeOf(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** A text for which the whole event has so many bytes as JSON: the four keys, and two bytes for most letters. */
function contentOf(bytes: number): string {
  const about = {
    event_name: "a.b",
    content: "",
    context: {},
    meta: { version: 1, timestamp: Date.now(), session_id: "" },
  };
  const idLength = 36;
  const room = bytes - JSON.stringify(about).length - idLength;
  return "ü".repeat(Math.floor(room / 2)) + "x".repeat(room % 2);
}
