// One handler file over each protocol that another process can reach: chosen by the environment, it handles the same course
// of messages, the next ones after one that it can't handle, and ends in order at SIGTERM.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClosingStack } from "../../src/context/provider/closing-stack.ts";
import { CONSUMERS, PRODUCERS, producerClass } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { startKafka } from "../support/kafka.ts";
import { startZeromq } from "../support/messaging.ts";
import { startNats } from "../support/nats.ts";
import { freePort } from "../support/port.ts";
import { startRabbitmq, USER } from "../support/rabbitmq.ts";
import { awaitEvents } from "../support/recording.ts";

const FILE = fileURLToPath(new URL("../fixtures/streams/course.mjs", import.meta.url));
const stack = createClosingStack();
/** What each protocol finds in the environment, on both sides. */
const environments: { [protocol: string]: { [name: string]: string } } = {};

beforeAll(async () => {
  const [kafka, nats, zeromq, rabbitmq, port] = await Promise.all([
    startKafka(),
    startNats(),
    startZeromq({ durability: "file" }),
    startRabbitmq({ vhosts: 1 }),
    freePort(),
  ]);
  for (const server of [kafka, nats, zeromq, rabbitmq]) stack.add(server);
  const { port: rabbitmqPort } = rabbitmq;
  const vhost = new URL(rabbitmq.newAddress().url).pathname.slice(1);
  Object.assign(environments, {
    HTTPHandler: { HTTP_HOST: `127.0.0.1:${port}`, HTTP_PORT: `${port}` },
    RMQIOHandler: { RMQ_PORT: `${rabbitmqPort}`, RMQ_USER: USER.user, RMQ_PASS: USER.pass, RMQ_VHOST: vhost },
    NATSHandler: { NATS_URL: nats.url },
    ZMQHandler: { ZCONTEXT_BUS_URL: zeromq.url },
    KafkaHandler: { KAFKA_HOST: kafka.host },
  });
});
afterAll(() => stack.close());

/** The handler file as a program. */
async function startCourse(protocol: string) {
  const environment = { ...process.env, ...environments[protocol], PROTOCOL: protocol };
  const child = spawn(process.execPath, [FILE], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  const lines = awaitEvents<string>("what it says", (line) => line);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", lines.add);
  void ended.then(lines.end);
  await lines.first((line) => line.startsWith("consuming"));
  return {
    lines,
    async end(): Promise<number | null> {
      child.kill("SIGTERM");
      const [code] = await ended;
      return code;
    },
  };
}

describe.each(["HTTPHandler", "RMQIOHandler", "NATSHandler", "ZMQHandler", "KafkaHandler"])("over %s", (protocol) => {
  test("the handler file handles the course, and ends in order", async () => {
    Object.assign(process.env, environments[protocol]);
    const course = await startCourse(protocol);
    await using producer = new (producerClass(protocol))("course");
    await producer.init();

    for (const message of [{ number: 1 }, { number: 2 }, { bad: true }, { number: 3 }])
      await producer.send(message, { key: "k" });
    await course.lines.first((line) => line === "handled 3");
    const code = await course.end();

    expect(course.lines.all.filter((line) => /^(handled|ended)/.test(line))).toEqual([
      ...["handled 1", "handled 2", "handled 3", "ended"],
    ]);
    expect(code).toBe(0);
  });
});

test("the handlers of the file are the same within one process", async () => {
  const { got, full, add } = gather<number>(3);
  await using consumer = new CONSUMERS.AsyncIOHandler("course", { onError() {} });
  await using producer = new PRODUCERS.AsyncIOHandler("course");
  await consumer((message) => {
    if (message.bad === true) throw new Error("no");
    add(message.number);
  });

  for (const message of [{ number: 1 }, { number: 2 }, { bad: true }, { number: 3 }]) await producer.send(message);
  await full;

  expect(got).toEqual([1, 2, 3]);
  // Nothing in the file names a protocol.
  expect(await readFile(FILE, "utf8")).not.toMatch(/HTTP|RMQ|NATS|ZMQ|Kafka/);
});
