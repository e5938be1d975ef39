// Which batches of a member the broker answers: each answer wakes the member, so one that tells it nothing is not sent.
import { expect, test } from "vitest";
import { createBroker } from "../../../src/messaging/embedded/broker/broker.ts";
import { createMemoryStore } from "../../../src/messaging/embedded/broker/memory-store.ts";
import { type FromBroker, PROTOCOL, type ToBroker } from "../../../src/messaging/embedded/operations.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

/** A broker, and what each of its answers to a member has: `done`, and the names of its operations. */
function brokerWith(...members: string[]) {
  const answers = new Map<string, [done: number, ...operations: FromBroker["op"][]][]>();
  const numbers = new Map<string, number>();
  const broker = createBroker(
    {
      ...{ store: createMemoryStore(), token: "t", onUnrouted() {} },
      send: (member, { done, items }) =>
        void answers.set(member, [...(answers.get(member) ?? []), [done, ...items.map(({ operation: { op } }) => op)]]),
      onStoreFault(error) {
        throw error;
      },
    },
    NOW_MS,
  );

  function say(member: string, ...operations: ToBroker[]): void {
    const number = (numbers.get(member) ?? 0) + 1;
    numbers.set(member, number);
    const items = operations.map((operation) => ({ operation, body: Buffer.from("size" in operation ? "{}{}" : "") }));
    broker.receive(member, { number, done: 0, items }, NOW_MS);
    broker.conclude(NOW_MS);
  }

  for (const member of members) say(member, { op: "hello", protocol: PROTOCOL, token: "t", src: member, holds: [] });
  return { say, answersTo: (member: string) => answers.get(member)?.splice(0) ?? [] };
}

const called = {
  op: "call",
  service: "s",
  method: "m",
  budgetMs: 1_000,
  isIdempotent: false,
  head: 2,
  size: 4,
} as const;

test("a batch of calls and one of answers are answered by what comes of them alone", () => {
  const { say, answersTo } = brokerWith("caller", "callee");
  say("callee", { op: "serve", n: 1, service: "s", methods: ["m"] });
  for (const member of ["caller", "callee"]) answersTo(member);

  say("caller", { ...called, n: 1 }, { ...called, n: 2 });
  expect(answersTo("caller")).toEqual([]);
  expect(answersTo("callee")).toEqual([[2, "request", "request"]]);

  say("callee", { op: "answer", c: 1, size: 4 });
  expect(answersTo("caller")).toEqual([[2, "result"]]);
  expect(answersTo("callee")).toEqual([]);

  say("caller", { op: "cancel", n: 2 });
  expect(answersTo("caller")).toEqual([]);
  expect(answersTo("callee")).toEqual([[3, "abort"]]);
});

test("a batch with an emit or a settlement is answered by its number, if by nothing else", () => {
  const { say, answersTo } = brokerWith("shop", "billing");
  say("billing", { op: "listen", n: 1, event: "orders.created", group: "billing", prefetch: 16 });
  for (const member of ["shop", "billing"]) answersTo(member);

  say("shop", { op: "emit", n: 1, event: "orders.created", id: "one", head: 2, size: 4 }, { ...called, n: 2 });
  expect(answersTo("shop")).toEqual([[2, "failure"]]);
  say("shop", { op: "emit", n: 3, event: "orders.created", id: "two", head: 2, size: 4 });
  expect(answersTo("shop")).toEqual([[3]]);

  say("billing", { op: "settle", g: 1, seq: 0, attempt: 1, verdict: "ack" });
  expect(answersTo("billing").at(-1)).toEqual([3]);
});
