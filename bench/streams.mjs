// Streams beside the bare client of each protocol: rates and ratios, producer and consumer in one process, in turns.
// Usage: npm run build && node bench/streams.mjs [--messages 5000] [--rounds 5] [--only HTTPHandler,KafkaHandler]
// Needs kcat, nats-server and, for RabbitMQ, a server that RMQ_HOST, RMQ_PORT, RMQ_USER and RMQ_PASS lead to; what is not there
// is left out. JSON of 200 bytes, at most 100 messages under way, 16 handled at a time. ZeroMQ is beside EventBus, whose
// engine it is, and a queue within the process beside one that is written for it.
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { holdBroker } from "../dist/src/companions/broker.js";
import { EventBus } from "../dist/src/messaging/index.js";
import { CONSUMERS, PRODUCERS } from "../dist/src/streams/index.js";

const WINDOW = 100;
const CONCURRENCY = 16;
/** 200 bytes of JSON. */
const CONTENT = { id: 7, customer: "c-1234", total: 12.5, note: "x".repeat(140) };
const TARGET = 0.8;
const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "5000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
  },
});
const messages = Number(values.messages);
const closing = [];

const PROTOCOLS = {
  HTTPHandler: http,
  AsyncIOHandler: inProcess,
  KafkaHandler: kafka,
  NATSHandler: nats,
  RMQIOHandler: rabbitmq,
  ZMQHandler: zeromq,
};

console.log("medians            in a second                     in a second of processor time, servers left out");
console.log("protocol            ours     bare   ratio             ours     bare   ratio");
for (const [protocol, open] of Object.entries(PROTOCOLS)) {
  if (values.only !== undefined && !values.only.split(",").includes(protocol)) continue;
  try {
    const pair = await open(protocol);
    if (pair === undefined) console.log(`${protocol.padEnd(15)} left out: no server`);
    else await compare(protocol, pair);
  } finally {
    for (const close of closing.splice(0).reverse()) await close();
  }
}
process.exit();

async function compare(protocol, pair) {
  const rates = { ours: [], bare: [] };
  for (let round = 0; round <= Number(values.rounds); round += 1)
    for (const side of round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"]) {
      const rate = await rateOf(pair[side]);
      // The first round is for the compiler.
      if (round > 0) rates[side].push(rate);
    }
  const columns = ["rate", "perCpu"].map((what) => {
    const [ours, bare] = [rates.ours, rates.bare].map((all) => median(all.map((each) => each[what])));
    const numbers = [ours, bare].map((rate) => rate.toFixed(0).padStart(8)).join(" ");
    return `${numbers}   ${(ours / bare).toFixed(2)}${ours / bare < TARGET ? " below" : "      "}`;
  });
  console.log(`${protocol.padEnd(15)} ${columns.join("   ")}`);
}

async function rateOf({ send, expect }) {
  const handled = expect(messages);
  const before = process.cpuUsage();
  const startMs = performance.now();
  let left = messages;
  await Promise.all(
    Array.from({ length: WINDOW }, async () => {
      while (left > 0) {
        left -= 1;
        await send(CONTENT);
      }
    }),
  );
  await handled;
  const durationMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  return { rate: (messages / durationMs) * 1_000, perCpu: (messages / (user + system)) * 1e6 };
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** Counts what a handler gets. */
function counter() {
  let left = 0;
  let done = () => {};
  return {
    handle() {
      left -= 1;
      if (left === 0) done();
    },
    expect(count) {
      left = count;
      return new Promise((resolve) => {
        done = resolve;
      });
    },
  };
}

/** @param own - Options of the consumer alone. */
async function streams(protocol, options = {}, own = options) {
  const { handle, expect } = counter();
  const queue = `bench_${randomUUID().slice(0, 8)}`;
  const consumer = new CONSUMERS[protocol](queue, { concurrency: CONCURRENCY, ...own });
  const producer = new PRODUCERS[protocol](queue, options);
  closing.push(
    () => consumer.close(),
    () => producer.close(),
  );
  await consumer(handle);
  await producer.init();
  return { queue, send: (content) => producer.send(content), expect };
}

async function http(protocol) {
  const [port, barePort] = [await freePort(), await freePort()];
  const ours = await streams(protocol, { host: `127.0.0.1:${port}` }, { port });
  const { handle, expect } = counter();
  const app = new Hono();
  app.post("/:queue", async (c) => {
    handle(await c.req.json());
    return c.body(null, 202);
  });
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: barePort });
  closing.push(() => server.close());
  const url = `http://127.0.0.1:${barePort}/bare`;
  const headers = { "content-type": "application/json" };
  return {
    ours,
    bare: {
      async send(content) {
        const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(content) });
        await response.text();
        if (!response.ok) throw new Error(`status ${response.status}`);
      },
      expect,
    },
  };
}

async function inProcess(protocol) {
  const { handle, expect } = counter();
  const waiting = [];
  let running = 0;
  const next = () => {
    while (running < CONCURRENCY && waiting.length > 0) {
      running += 1;
      Promise.resolve(JSON.parse(waiting.shift()))
        .then(handle)
        .finally(() => {
          running -= 1;
          next();
        });
    }
  };
  return {
    ours: await streams(protocol),
    bare: {
      async send(content) {
        waiting.push(JSON.stringify(content));
        next();
      },
      expect,
    },
  };
}

async function kafka(protocol) {
  if (spawnSync("kcat", ["-V"]).status !== 0) return undefined;
  const { Kafka, logLevel, Partitioners } = (await import("kafkajs")).default;
  const words = ["-C", "-t", "dummy", "-b", "ignored:1", "-X", "test.mock.num.brokers=1", "-d", "mock"];
  const cluster = spawn("kcat", words, { stdio: ["ignore", "ignore", "pipe"] });
  closing.push(() => cluster.kill("SIGKILL"));
  const host = await new Promise((resolve) => {
    createInterface({ input: cluster.stderr }).on("line", (line) => {
      const [, found] = /bootstrap\.servers=(\S+)/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const ours = await streams(protocol, { host });
  const client = new Kafka({ brokers: [host], logLevel: logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = client.consumer({ groupId: "bare", maxWaitTimeInMs: 500 });
  closing.push(
    () => consumer.disconnect(),
    () => producer.disconnect(),
  );
  const { handle, expect } = counter();
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: "bare", fromBeginning: true });
  // The client's own way commits after each batch, and on the mock cluster a batch has one message: it makes a fifth of this.
  // What is compared commits as ours does, each second and after 100 messages.
  const done = new Map();
  let uncommitted = 0;
  const commit = () => {
    const offsets = [...done].map(([partition, offset]) => ({ topic: "bare", partition, offset }));
    done.clear();
    uncommitted = 0;
    return offsets.length === 0 ? undefined : consumer.commitOffsets(offsets);
  };
  const committing = setInterval(commit, 1_000);
  closing.push(() => clearInterval(committing));
  await consumer.run({
    partitionsConsumedConcurrently: CONCURRENCY,
    autoCommit: false,
    eachMessage: async ({ message, partition }) => {
      handle(JSON.parse(message.value.toString()));
      done.set(partition, String(BigInt(message.offset) + 1n));
      uncommitted += 1;
      if (uncommitted >= 100) await commit();
    },
  });
  return {
    ours,
    bare: {
      send: (content) => producer.send({ topic: "bare", messages: [{ value: JSON.stringify(content) }] }),
      expect,
    },
  };
}

async function nats(protocol) {
  if (spawnSync("nats-server", ["--version"]).status !== 0) return undefined;
  const { AckPolicy, DiscardPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } = await import(
    "@nats-io/jetstream"
  );
  const { connect } = await import("@nats-io/transport-node");
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const words = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder];
  const server = spawn("nats-server", words, { stdio: ["ignore", "ignore", "pipe"] });
  closing.push(() => server.kill("SIGKILL"));
  await new Promise((resolve) => {
    createInterface({ input: server.stderr }).on("line", (line) => line.includes("Server is ready") && resolve());
  });
  const ours = await streams(protocol, { url: `nats://127.0.0.1:${port}` });
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  closing.push(() => connection.close());
  const manager = await jetstreamManager(connection);
  // With the same promises: kept until it is settled, bounded, and known again when it is sent twice.
  await manager.streams.add({
    ...{ name: "bare", subjects: ["bare"], storage: StorageType.File, retention: RetentionPolicy.Interest },
    ...{ discard: DiscardPolicy.New, max_bytes: 256 * 2 ** 20 },
  });
  await manager.consumers.add("bare", { durable_name: "bare", ack_policy: AckPolicy.Explicit, max_ack_pending: -1 });
  const js = jetstream(connection);
  const taken = await (await js.consumers.get("bare", "bare")).consume({ max_messages: CONCURRENCY });
  const { handle, expect } = counter();
  void (async () => {
    for await (const message of taken) {
      handle(message.json());
      message.ack();
    }
  })();
  const send = (content) => js.publish("bare", JSON.stringify(content), { msgID: randomUUID() });
  return { ours, bare: { send, expect } };
}

async function rabbitmq(protocol) {
  const {
    RMQ_HOST = "127.0.0.1",
    RMQ_PORT = "5672",
    RMQ_USER = "guest",
    RMQ_PASS = "guest",
    RMQ_VHOST = "/",
  } = process.env;
  const { connect } = (await import("amqplib")).default;
  const url = `amqp://${RMQ_USER}:${encodeURIComponent(RMQ_PASS)}@${RMQ_HOST}:${RMQ_PORT}/${encodeURIComponent(RMQ_VHOST)}`;
  const connection = await connect(url).catch(() => undefined);
  if (connection === undefined) return undefined;
  closing.push(() => connection.close());
  const [sender, receiver] = [await connection.createConfirmChannel(), await connection.createChannel()];
  const queues = [`bare_${randomUUID().slice(0, 8)}`];
  const [queue] = queues;
  // After the consumers are closed, which are opened later.
  closing.push(() => Promise.all(queues.map((name) => receiver.deleteQueue(name))));
  const ours = await streams(protocol);
  queues.push(ours.queue);
  await receiver.assertQueue(queue, { durable: true });
  await receiver.prefetch(CONCURRENCY);
  const { handle, expect } = counter();
  await receiver.consume(queue, (message) => {
    // Null says that the queue was deleted.
    if (message === null) return;
    handle(JSON.parse(message.content.toString()));
    receiver.ack(message);
  });
  const options = { persistent: true };
  const publish = (content, done) => sender.sendToQueue(queue, Buffer.from(JSON.stringify(content)), options, done);
  return { ours, bare: { send: (content) => new Promise((resolve) => publish(content, resolve)), expect } };
}

async function zeromq(protocol) {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-bench-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const broker = await holdBroker({
    ...{ runFolder: join(folder, "run"), storeFolder: join(folder, "store"), durability: "file" },
    endpoints: { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:1" },
    cookie: { context: "bench", provider: "bench" },
  });
  closing.push(() => broker[Symbol.asyncDispose]());
  Object.assign(process.env, { ZCONTEXT_BUS_URL: broker.url, ZCONTEXT_BUS_TOKEN: broker.token });
  const ours = await streams(protocol);
  const bus = await EventBus.connect({ src: "bench/bare/1", another: true });
  closing.push(() => bus.close());
  const { handle, expect } = counter();
  await bus.listen("bare.sent", "bare", handle, { prefetch: CONCURRENCY });
  return { ours, bare: { send: (content) => bus.emit("bare.sent", { content }), expect } };
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
