// Streams of a task service: in force when it is announced as started, and drained when it is told to stop.
import { expect, test } from "vitest";
import { CONSUMERS, PRODUCERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { runContext } from "../support/context.ts";
import { runDashboard } from "../support/dashboard.ts";
import { startKafka } from "../support/kafka.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { parseMetrics } from "../support/prometheus.ts";

leaveNoProcess();

const consumer = (configuration: string) => ({ id: "ts_1", instance: "ConsumesQueue", configuration });

test("a task handles what is sent to its queue once it has started, until it is stopped", async () => {
  const port = await freePort();
  const configuration = `<protocol>HTTPHandler</protocol><http_port>${port}</http_port>`;
  await using context = await runContext([consumer(configuration)]);
  await using producer = new PRODUCERS.HTTPHandler("queue_1", { host: `127.0.0.1:${port}` });
  await context.start("T1");
  await context.untilSaid("ts_1", "started");

  await producer.send({ id: 7 });

  expect(await context.untilSaid("ts_1", "updated")).toMatchObject({ status: { message: { id: 7 }, attempt: 1 } });
  await context.stop("T1");
  await context.untilSaid("ts_1", "stopped");
  await expect(producer.send({ id: 8 })).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
});

test("a task consumes a queue on the broker of its context", async () => {
  await using context = await runContext([consumer("<protocol>ZMQHandler</protocol>")]);
  await context.start("T1");
  await context.untilSaid("ts_1", "started");
  await using producer = new PRODUCERS.ZMQHandler("queue_1", { contextFile: context.folder.at("Context-Test.xml") });

  await producer.send({ id: 7 });

  expect(await context.untilSaid("ts_1", "updated")).toMatchObject({ status: { message: { id: 7 } } });
});

test("a task whose methods and whose queue name the same port does not start, and says what to do", async () => {
  const configuration = `<http_port>${await freePort()}</http_port>`;
  await using context = await runContext([{ id: "ts_1", instance: "ServesAndConsumes", configuration }]);
  await context.start("T1");

  const { status } = await context.untilSaid("ts_1", "started");

  expect(status).toMatchObject({ result: "failure", reason: expect.stringContaining("stream queue_1: the methods") });
});

test("what a task counts of its queues is told: to metrics of its own, of its context, and to whoever asks for figures", async () => {
  const port = await freePort();
  const configuration = `<http_port>0</http_port><stream_port>${port}</stream_port><health_port>0</health_port>`;
  await using dashboard = await runDashboard([{ id: "ts_1", instance: "ServesAndConsumes", configuration }]);
  const { context } = dashboard;
  await context.start("T1");
  const { health_url: health, http_url: methods } = (await context.untilSaid("ts_1", "started")).status;
  const post = (url: string, body: string) =>
    fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  const queue = `http://127.0.0.1:${port}/queue_1`;

  const sent = ['{"bad":true}', "{}", "no JSON"].map((body) => post(queue, body));
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([202, 202, 400]);
  expect(await (await post(`${methods}/ping`, "null")).json()).toBe("pong");
  await context.untilSaid("ts_1", "updated");
  // It is told once a count has changed, and does not change any more.
  const find = () => context.provider.watched().flatMap(({ tasks }) => tasks.flatMap(({ streams = [] }) => streams));
  while (find()[0]?.handled !== 1) await dashboard.ask("/api/state");

  const figures = { queue: "queue_1", protocol: "HTTPHandler", accepted: 2, refused: 1, handled: 1, failed: 1 };
  expect(find()).toEqual([{ ...figures, sent: 0, unsent: 0 }]);
  const own = await (await fetch(String(health).replace("_health", "metrics"))).text();
  for (const [text, labels] of [
    [own, {}],
    [(await dashboard.ask("/metrics")).text, { transaction: "T1", task: "ts_1" }],
  ] as const) {
    const family = parseMetrics(text).find(({ name }) => name === "zcontext_stream_messages_total");
    const about = { ...labels, queue: "queue_1", protocol: "HTTPHandler" };
    expect(family?.samples).toContainEqual(
      expect.objectContaining({ labels: { ...about, outcome: "handled" }, value: 1 }),
    );
    expect(family?.samples).toContainEqual(
      expect.objectContaining({ labels: { ...about, outcome: "refused" }, value: 1 }),
    );
  }
});

test("a bridge takes messages over one protocol, and sends them over another with the key that they name", async () => {
  const port = await freePort();
  await using kafka = await startKafka();
  process.env.KAFKA_HOST = kafka.host;
  const from = `<from>HTTPHandler</from><to>KafkaHandler</to><queue>orders</queue><key>customer</key>`;
  const bridge = { id: "ts_1", instance: "Bridge", configuration: `${from}<http_port>${port}</http_port>` };
  await using context = await runContext([bridge]);
  await using consumer = new CONSUMERS.KafkaHandler("orders");
  const { got, full, add } = gather<unknown>(1);
  await consumer((message, { key }) => add({ message, key }));
  await context.start("T1");
  await context.untilSaid("ts_1", "started");

  const { status } = await fetch(`http://127.0.0.1:${port}/orders`, {
    method: "POST",
    body: '{"id":7,"customer":"ada"}',
  });
  await full;

  expect(status).toBe(202);
  expect(got).toEqual([{ message: { id: 7, customer: "ada" }, key: "ada" }]);
});

test.each([
  ["no protocol", "<x>1</x>", /stream queue_1: no protocol is named/],
  ["an unknown protocol", "<protocol>FaxHandler</protocol>", /FaxHandler.*have HTTPHandler/],
])("a task with %s fails to start, and says why", async (_, configuration, reason) => {
  await using context = await runContext([consumer(configuration)]);

  await context.start("T1");

  expect(await context.untilSaid("ts_1", "started")).toMatchObject({
    status: { result: "failure", reason: expect.stringMatching(reason) },
  });
});
