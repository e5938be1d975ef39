import { expect, test } from "vitest";
import { messagesOf } from "../../../../src/http/data/messages.ts";
import type { BusFigures } from "../../../../src/protocol/bus-figures.ts";

const handling = { counts: [], sum_ms: 0 };
const group = { acked: 0, retried: 0, lost: 0, dropped: 0, dead: 0, handling };
const figures: BusFigures = {
  queues: [],
  groups: [
    { ...group, event: "orders.created", group: "billing", services: ["billing"] },
    { ...group, event: "orders.created", group: "audit", services: ["audit", "billing"] },
    { ...group, event: "bills.made", group: "mailer", services: [] },
  ],
  methods: [{ method: "billing.get", codes: {}, durations: handling, services: ["billing"] }],
  senders: [
    { kind: "event", name: "orders.created", service: "shop", sent: 7 },
    { kind: "event", name: "bills.made", service: "billing", sent: 7 },
    { kind: "call", name: "billing.get", service: "shop", sent: 1 },
    { kind: "call", name: "gone.get", service: "shop", sent: 1 },
  ],
  ...{ signals: [], unrouted: {}, members: 2, calls: { waiting: 0, running: 0 }, memory_bytes: 1 },
};

test("what flows goes from who has sent it to each service that takes it now, once", () => {
  expect(messagesOf({ figures, trouble: undefined }).flows).toEqual([
    { kind: "call", name: "billing.get", from: "shop", to: "billing" },
    { kind: "event", name: "orders.created", from: "shop", to: "audit" },
    { kind: "event", name: "orders.created", from: "shop", to: "billing" },
  ]);
});

test("a broker that is away leaves its trouble", () => {
  expect(messagesOf({ figures: undefined, trouble: "the broker is away" })).toMatchObject({
    trouble: "the broker is away",
    queues: [],
  });
});
