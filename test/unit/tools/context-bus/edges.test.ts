import { expect, test } from "vitest";
import { edgesOf, keepingOf } from "../../../../tools/context-bus/edges.ts";

const QUEUE = { ready: 0, in_flight: 0, delayed: 0, dead: 0, rate_per_s: 0 };

test.each([
  ["ipc:///run/broker", "memory", { engine: "zeromq", stored: "memory" }],
  ["ipc:///run/broker", "sync", { engine: "zeromq", stored: "sync" }],
  ["nats://127.0.0.1:4222", "file", { engine: "nats", stored: "file" }],
  ["nats://127.0.0.1:4222?storage=memory", "file", { engine: "nats", stored: "memory" }],
  ["nats://127.0.0.1:4222?replicas=3", "file", { engine: "nats", stored: "replicated" }],
  ["amqp://127.0.0.1:5672/orders", "file", { engine: "rabbitmq", stored: "sync" }],
] as const)("%s with durability %s keeps events as %j", (url, durability, keeping) => {
  expect(keepingOf(url, durability)).toEqual(keeping);
});

test("each queue and each method is an edge, with what a failure would take", () => {
  const queues = [
    { ...QUEUE, event: "orders.created", group: "billing", members: 2 },
    { ...QUEUE, event: "orders.created", group: "audit", members: 0 },
  ];
  const services = [{ service: "billing", methods: ["get_invoice"], instances: 1 }];

  const [audit, billing, call] = edgesOf({ engine: "zeromq", stored: "memory" }, queues, services);

  expect(audit).toMatchObject({
    kind: "event",
    to: "audit",
    lost: { "a member dies": expect.stringContaining("no member") },
  });
  expect(billing).toEqual({
    ...{ kind: "event", name: "orders.created", to: "billing", members: 2 },
    promise: "at least once, stored: memory",
    lost: {
      "a member dies": "nothing",
      "the broker is killed": "all that is not settled",
      "a power cut": "all that is not settled",
      "the machine of the broker is lost": "all that is not settled",
    },
  });
  expect(call).toMatchObject({ kind: "call", name: "billing.get_invoice", to: "billing", members: 1 });
});

test("what replicas keep outlives the machine of a server", () => {
  const queues = [{ ...QUEUE, event: "a.b", group: "g", members: 1 }];

  const [edge] = edgesOf({ engine: "nats", stored: "replicated" }, queues, []);

  expect(Object.values(edge?.lost ?? {}).filter((what) => what.startsWith("nothing"))).toHaveLength(4);
});
