// Services in Python share queues and events with ours on RabbitMQ.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { connectRabbitmq } from "../../src/messaging/engines/rabbitmq/rabbitmq-engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { gather } from "../conformance/members.ts";
import { BOUND_MS } from "../support/bound.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { type RabbitmqServer, startRabbitmq, USER } from "../support/rabbitmq.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq({ vhosts: 8 });
});
afterAll(() => server[Symbol.asyncDispose]());

const PEER = fileURLToPath(new URL("../support/twyla-peer.py", import.meta.url));
const GROUP = ["orders.created", "billing"] as const;

async function connect(address: ServerAddress): Promise<EventBus> {
  const src = "test/shop/1";
  return new EventBus({ engine: await connectRabbitmq({ address, src, dialect: "twyla" }), src });
}

async function startPeer({ url }: ServerAddress) {
  const login = `${USER.user}:${encodeURIComponent(USER.pass)}`;
  const child = spawn("/usr/bin/python3", [PEER, url.replace("amqp://", `amqp://${login}@`), ...GROUP], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const said = awaitEvents<JsonObject>("what the peer in Python says", (line) => JSON.stringify(line));
  createInterface({ input: child.stdout })
    .on("line", (line) => said.add(JSON.parse(line)))
    .on("close", said.end);
  await said.first(({ did }) => did === "connect");
  return {
    said,
    heard: (content: Json) => said.first(({ heard }) => (heard as JsonObject | undefined)?.content === content),
    async listen() {
      child.stdin.write("listen\n");
      await said.first(({ did }) => did === "listen");
    },
    emit: (payload: JsonObject) => void child.stdin.write(`emit ${JSON.stringify(payload)}\n`),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function payloadOf(content: Json): JsonObject {
  const meta = { version: 1, timestamp: 1_769_860_800_000, session_id: "a session of Python" };
  return { event_name: "orders.created", content, context: { tenant: "t1" }, meta };
}

test("what Python emits is handled here, acknowledged, rejected and dropped", async () => {
  const address = server.newAddress();
  await using bus = await connect(address);
  const handled = gather<[Json, number, string]>(4);
  await bus.listen(...GROUP, (event) => {
    const { content, attempt, meta } = event;
    handled.add([content, attempt, meta.session_id]);
    if (content === "reject" && attempt === 1) event.reject({ delayMs: 0 });
    else if (content === "drop") event.drop();
  });
  await using peer = await startPeer(address);
  for (const content of ["ack", "reject", "drop"]) peer.emit(payloadOf(content));
  await handled.full;

  const session = "a session of Python";
  expect(handled.got).toEqual(
    expect.arrayContaining([
      ...[
        ["ack", 1, session],
        ["reject", 1, session],
        ["reject", 2, session],
        ["drop", 1, session],
      ],
    ]),
  );
  await expect
    .poll(() => bus.operations.queues(), { timeout: BOUND_MS })
    .toMatchObject([{ ready: 0, in_flight: 0, dead: 0, members: 1 }]);
});

test("what is emitted here is handled in Python as it was, with exactly four keys", async () => {
  const address = server.newAddress();
  await using bus = await connect(address);
  await using peer = await startPeer(address);
  await peer.listen();
  const receipt = await bus.emit("orders.created", { content: "ack", context: { tenant: "ü" } });
  const { heard } = await peer.heard("ack");

  expect(receipt).toMatchObject({ routed: true, stored: "file" });
  expect(Object.keys(heard as JsonObject)).toEqual(["event_name", "content", "context", "meta"]);
  expect(heard).toMatchObject({ event_name: "orders.created", context: { tenant: "ü" }, meta: { version: 1 } });
  for (const content of ["reject", "drop"]) await bus.emit("orders.created", { content });
  await peer.said.first(({ redelivered }) => redelivered === true);
  await peer.heard("drop");
});

test("both share the queue of a group: each event is handled once, here or there", async () => {
  const address = server.newAddress();
  await using bus = await connect(address);
  await using peer = await startPeer(address);
  await peer.listen();
  const here: Json[] = [];
  const done = awaitEvents<Json>("what is handled", String);
  await bus.listen(...GROUP, ({ content }) => {
    here.push(content);
    done.add(content);
  });
  for (let content = 0; content < 100; content += 1) await bus.emit("orders.created", { content });
  const there = () => peer.said.all.flatMap(({ heard }) => (heard ? [(heard as JsonObject).content] : []));
  await expect.poll(() => here.length + there().length, { timeout: BOUND_MS }).toBe(100);

  expect(here.length).toBeGreaterThan(0);
  expect(there().length).toBeGreaterThan(0);
  expect(new Set([...here, ...there()]).size).toBe(100);
});
