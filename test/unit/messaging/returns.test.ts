import { describe, expect, test } from "vitest";
import { createBroker } from "../../../src/messaging/embedded/broker/broker.ts";
import { createMemoryStore } from "../../../src/messaging/embedded/broker/memory-store.ts";
import { createReturns } from "../../../src/messaging/embedded/broker/returns.ts";
import type { Remains } from "../../../src/messaging/embedded/broker/store.ts";
import type { Batch, FromBroker, ToBroker } from "../../../src/messaging/embedded/operations.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

describe("the members of a former broker", () => {
  test("are awaited until each is back or does not live any more", () => {
    const returns = createReturns([{ id: "a" }, { id: "b" }], NOW_MS);

    expect(returns.areAllBack).toBe(false);
    expect(returns.end("a")).toBe(true);
    expect(returns.end("stranger")).toBe(false);
    expect(returns.list()).toEqual([{ id: "b" }]);
    expect(returns.end("b")).toBe(true);
    expect(returns.areAllBack).toBe(true);
  });

  test.each([
    ["5 s", [{ id: "a" }], 5_000],
    ["1 s where it is not known who they are", undefined, 1_000],
  ])("are awaited for %s", (_, members, ms) => {
    const returns = createReturns(members, NOW_MS);
    returns.advance(NOW_MS + ms - 1);
    expect(returns.areAllBack).toBe(false);
    returns.advance(NOW_MS + ms);
    expect(returns.areAllBack).toBe(true);
  });
});

/** A broker behind what a former one has left, and what it says to each member. */
function nextBroker(remains: Partial<Remains>, nowMs: number) {
  const said: [string, FromBroker][] = [];
  const broker = createBroker(
    {
      store: {
        ...createMemoryStore(),
        recover: () => ({ groups: [], events: [], marks: [], letters: [], members: [], ...remains }),
      },
      ...{ token: "t", follows: true },
      send: (member, batch: Batch<FromBroker>) =>
        said.push(...batch.items.map(({ operation }) => [member, operation] as [string, FromBroker])),
      onUnrouted() {},
      onStoreFault(error) {
        throw error;
      },
    },
    nowMs,
  );
  function say(member: string, operation: ToBroker, body: Buffer = Buffer.alloc(0)): void {
    broker.receive(member, { number: 1, done: 0, items: [{ operation, body }] }, nowMs);
    broker.conclude(nowMs);
  }
  const hello = (member: string) => say(member, { op: "hello", protocol: 1, token: "t", src: member, holds: [] });
  return { broker, say, hello, delivered: () => said.flatMap(([, said]) => (said.op === "deliver" ? [said] : [])) };
}

function emission(id: string) {
  const envelope = { id, src: "a/b/c", sent: NOW_MS, session_id: id, traceparent: "" };
  const text = JSON.stringify(envelope);
  const head = Buffer.byteLength(text);
  const bytes = Buffer.from(`${text}{}`);
  return [{ op: "emit", n: 1, event: "a.b", id, head, size: bytes.length } as const, bytes] as const;
}

describe("a broker that follows another one", () => {
  test("gives nothing to others before all are back", () => {
    const { say, hello, delivered } = nextBroker({ members: [{ id: "holder" }] }, NOW_MS);
    hello("other");
    say("other", { op: "listen", n: 1, event: "a.b", group: "g", prefetch: 16 });
    say("other", ...emission("1"));
    expect(delivered()).toEqual([]);

    hello("holder");
    expect(delivered()).toEqual([]);
    say("holder", { op: "queues", n: 2 });
    expect(delivered()).toHaveLength(1);
  });

  test("uses no number again, so that a late settlement is not taken for that of another event", () => {
    const first = nextBroker({}, NOW_MS);
    const second = nextBroker({}, NOW_MS + 1);
    for (const { say, hello } of [first, second]) {
      hello("m");
      say("m", { op: "listen", n: 1, event: "a.b", group: "g", prefetch: 16 });
      say("m", ...emission("1"));
    }

    const [[one], [other]] = [first.delivered(), second.delivered()];
    expect(other?.seq).toBeGreaterThan(one?.seq ?? Number.POSITIVE_INFINITY);
  });
});
