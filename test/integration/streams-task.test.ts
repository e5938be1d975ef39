// Streams of a task service: in force when it is announced as started, and drained when it is told to stop.
import { expect, test } from "vitest";
import { CONSUMERS, PRODUCERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { runContext } from "../support/context.ts";
import { startKafka } from "../support/kafka.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";

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
