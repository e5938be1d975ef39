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

test("a queue of the dialect twyla is flushed when its server pleases", () => {
  expect(keepingOf("amqp://127.0.0.1:5672/orders", "file", "twyla").stored).toBe("file");
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

test("a server that says how it keeps a queue is believed before its URL", () => {
  const queues = [{ ...QUEUE, event: "a.b", group: "g", members: 1, stored: "memory" as const }];

  const [edge] = edgesOf({ engine: "nats", stored: "replicated" }, queues, []);

  expect(edge?.promise).toBe("at least once, stored: memory");
});

test("who was seen to send stands at each edge, and what nobody takes is an edge as well", () => {
  const queues = ["billing", "audit"].map((group) => ({ ...QUEUE, event: "orders.created", group, members: 1 }));
  const services = [{ service: "billing", methods: ["get_invoice", "list"], instances: 1 }];
  const seen = {
    senders: [
      { kind: "event", name: "orders.created", service: "web" },
      { kind: "event", name: "orders.created", service: "shop" },
      { kind: "event", name: "orders.lost", service: "shop" },
      { kind: "event", name: "other", service: "" },
      { kind: "call", name: "billing.get_invoice", service: "shop" },
      { kind: "call", name: "stock.count", service: "shop" },
    ] as const,
    signals: [
      { topic: "temperature", publisher: "sensor", subscriber: "panel" },
      { topic: "temperature", publisher: "boiler", subscriber: "panel" },
    ],
  };

  const edges = edgesOf({ engine: "zeromq", stored: "file" }, queues, services, seen);

  expect(edges.map(({ kind, name, from, to }) => [kind, name, from, to])).toEqual([
    ["event", "orders.created", ["shop", "web"], "audit"],
    ["event", "orders.created", ["shop", "web"], "billing"],
    ["event", "orders.lost", ["shop"], ""],
    ["call", "billing.get_invoice", ["shop"], "billing"],
    ["call", "billing.list", [], "billing"],
    ["call", "stock.count", ["shop"], ""],
    ["signal", "temperature", ["boiler", "sensor"], "panel"],
  ]);
});
