// Queues of RabbitMQ that a program of another make shares: one in Python with pika.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { CONSUMERS, PRODUCERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type RabbitmqServer, startRabbitmq, USER } from "../support/rabbitmq.ts";

let server: RabbitmqServer;
let address: ServerAddress;
beforeAll(async () => {
  server = await startRabbitmq({ vhosts: 1 });
  address = server.newAddress();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What producers and consumers are connected with. */
function options() {
  const { host, pathname } = new URL(address.url);
  return { host, vhost: pathname.slice(1), ...USER, onError() {} };
}

/** Runs a program in Python that has a channel of the server, and returns what it prints. */
async function python(program: string): Promise<string> {
  const url = address.url.replace("amqp://", `amqp://${USER.user}:${encodeURIComponent(USER.pass)}@`);
  const opening = `import json, pika\nchannel = pika.BlockingConnection(pika.URLParameters("${url}")).channel()\n`;
  // Debian's, for which its package of pika is.
  const { stdout } = await promisify(execFile)("/usr/bin/python3", ["-c", opening + program], { timeout: BOUND_MS });
  return stdout.trim();
}

test("what Python sends to a queue that it has declared in its own way is consumed", async () => {
  const { got, full, add } = gather<unknown>(1);
  await python('channel.queue_declare("theirs")\nchannel.basic_publish("", "theirs", json.dumps({"id": 7}))');
  await using consumer = new CONSUMERS.RMQIOHandler("theirs", options());

  await consumer(add);
  await full;

  expect(got).toEqual([{ id: 7 }]);
});

test("what is sent is JSON in a durable queue, which Python finds", async () => {
  await using producer = new PRODUCERS.RMQIOHandler("ours", options());

  await producer.send({ id: 7 });

  const read = 'channel.queue_declare("ours", durable=True)\nmethod, properties, body = channel.basic_get("ours")\n';
  expect(await python(`${read}print(body.decode(), properties.content_type)`)).toBe('{"id":7} application/json');
});

test("a message is acknowledged once it is handled, and one that a handler throws at does not come back", async () => {
  await using producer = new PRODUCERS.RMQIOHandler("settled", options());
  const handled = gather<unknown>(2);
  const attempts: unknown[] = [];
  const consumer = new CONSUMERS.RMQIOHandler("settled", options());
  await consumer((message, { attempt }) => {
    attempts.push([message, attempt]);
    handled.add(message);
    if (message === "bad") throw new Error("no");
  });

  for (const message of ["bad", "good"]) await producer.send(message);
  await handled.full;
  await consumer.close();

  const left = 'print(channel.queue_declare("settled", durable=True).method.message_count)';
  expect(await python(left)).toBe("0");
  expect(attempts).toEqual([
    ["bad", 1],
    ["good", 1],
  ]);
});

test("a server that is killed loses nothing that was accepted, and its consumers go on with the next one", async () => {
  const { got, full, add } = gather<unknown>(4);
  await using producer = new PRODUCERS.RMQIOHandler("survives", options());
  await using consumer = new CONSUMERS.RMQIOHandler("survives", options());
  const held = gather<unknown>(1);
  await consumer(async (message, { signal }) => {
    if (message === 1 && held.got.length === 0) {
      held.add(message);
      // It is with the server again when that is back.
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    add(message);
  });
  for (const number of [1, 2]) await producer.send(number);
  await held.full;

  await server.kill();
  const sent = producer.send(3);
  await server.start();
  await sent;
  await producer.send(4);
  await using second = new CONSUMERS.RMQIOHandler("survives", options());
  await second(add);
  await full;

  expect(new Set(got)).toEqual(new Set([1, 2, 3, 4]));
});
