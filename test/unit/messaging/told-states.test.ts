import { expect, test } from "vitest";
import { createBroker } from "../../../src/messaging/embedded/broker/broker.ts";
import { createMemoryStore } from "../../../src/messaging/embedded/broker/memory-store.ts";
import type { FromBroker, ToBroker } from "../../../src/messaging/embedded/operations.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

/** A broker of a provider, with a member that calls two services at once, and what the member hears. */
function calledBroker({ awaitsStates }: { awaitsStates: boolean }) {
  const heard: FromBroker[] = [];
  const broker = createBroker(
    {
      ...{ store: createMemoryStore(), token: "t", awaitsStates },
      send: (_, { items }) => heard.push(...items.map(({ operation }) => operation)),
      onUnrouted() {},
      onStoreFault(error) {
        throw error;
      },
    },
    NOW_MS,
  );
  const asked = { op: "call", method: "get", budgetMs: 10_000, isIdempotent: false, head: 2, size: 4 } as const;
  const operations: ToBroker[] = [
    { op: "hello", protocol: 1, token: "t", src: "caller", holds: [] },
    { ...asked, n: 1, service: "billing" },
    { ...asked, n: 2, service: "nobody" },
  ];
  const items = operations.map((operation) => ({
    operation,
    body: Buffer.from(operation.op === "call" ? "{}{}" : ""),
  }));
  broker.receive("caller", { number: 1, done: 0, items }, NOW_MS);
  broker.conclude(NOW_MS);
  const refused = () => heard.flatMap((said) => (said.op === "failure" ? [[said.n, said.failure.code]] : []));
  return { broker, refused };
}

test("a call that comes before the states of services are told waits for them", () => {
  const { broker, refused } = calledBroker({ awaitsStates: true });
  broker.setService("shop", "running", NOW_MS);
  broker.setService("billing", "starting", NOW_MS);
  broker.advance(NOW_MS + 50);
  expect(refused()).toEqual([]);

  broker.statesTold();
  broker.advance(NOW_MS + 100);
  expect(refused()).toEqual([[2, "ERR_SERVICE_UNKNOWN"]]);
});

test("without a provider an unknown service is one at once", () => {
  const { refused } = calledBroker({ awaitsStates: false });

  expect(refused()).toEqual([
    [1, "ERR_SERVICE_UNKNOWN"],
    [2, "ERR_SERVICE_UNKNOWN"],
  ]);
});
