// Consumers of queues in Python, over each protocol that they have: what is accepted is handled, what is not is refused, and
// both are counted.
import { expect, test } from "vitest";
import { CONSUMERS, PRODUCERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { runContext } from "../support/context.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startRabbitmq, USER } from "../support/rabbitmq.ts";

leaveNoProcess();

const ORDERS = `
import sys
from zcontext import Service, stream

class Orders:
    def __init__(self):
        self.seen = 0

    @stream("queue_1")
    def take(self, message, scope):
        if message == "poison":
            self.seen += 1
            raise ValueError("no")
        if message == "wait":
            scope.update({"began": True})
            scope.sleep(600)
        scope.update({"message": message, "seen": self.seen})

sys.exit(Service("ts_1", "service_ts_1", "test", lambda: Orders).main())
`;

/** Debian's Python, for which its packages of pyzmq and pika are. */
async function runOrders(configuration: string) {
  const command = "/usr/bin/python3 services/orders.py";
  const context = await runContext([
    { id: "ts_1", instance: "Orders", serviceType: "Executable", readyAfterS: 600, command, configuration },
  ]);
  await context.folder.write("services/orders.py", ORDERS);
  return context;
}

test("over HTTP, 202 is said once a message is with the handler's queue, and all others are refused", async () => {
  const port = await freePort();
  await using context = await runOrders(`<protocol>HTTPHandler</protocol><http_port>${port}</http_port>`);
  await context.start("T1");
  await context.untilSaid("ts_1", "started");
  const ask = async (method: string, body?: string, queue = "queue_1") => {
    const response = await fetch(`http://127.0.0.1:${port}/${queue}`, { method, ...(body !== undefined && { body }) });
    await response.text();
    return response.status;
  };

  expect(await ask("POST", "poison")).toBe(400);
  expect(await ask("POST", "1", "queue_2")).toBe(404);
  expect(await ask("GET")).toBe(405);
  expect(await ask("POST", "1".repeat(10 * 2 ** 20))).toBe(413);
  expect(await ask("POST", '"poison"')).toBe(202);
  expect(await ask("POST", '{"id":7}')).toBe(202);

  expect((await context.untilSaid("ts_1", "updated")).status).toMatchObject({ message: { id: 7 }, seen: 1 });
  const find = () => context.provider.watched().flatMap(({ tasks }) => tasks.flatMap(({ streams = [] }) => streams));
  // They are told a second later, and stay.
  while (find()[0]?.handled !== 1) await context.client.running();
  expect(find()).toEqual([
    { queue: "queue_1", protocol: "HTTPHandler", sent: 0, unsent: 0, accepted: 2, refused: 2, handled: 1, failed: 1 },
  ]);
});

test("on the broker of the context, what a handler raises at comes back", async () => {
  await using context = await runOrders("<protocol>ZMQHandler</protocol>");
  await context.start("T1");
  await context.untilSaid("ts_1", "started");
  await using producer = new PRODUCERS.ZMQHandler("queue_1", { contextFile: context.folder.at("Context-Test.xml") });

  for (const message of ["poison", "good"]) await producer.send(message);

  expect((await context.untilSaid("ts_1", "updated")).status).toMatchObject({ message: "good", seen: 1 });
});

test("over RabbitMQ, a message is rejected where a handler raises, and given to the next one when a process is killed", async () => {
  await using server = await startRabbitmq({ vhosts: 1 });
  const vhost = new URL(server.newAddress().url).pathname.slice(1);
  Object.assign(process.env, {
    ...{ RMQ_PORT: `${server.port}`, RMQ_USER: USER.user, RMQ_PASS: USER.pass, RMQ_VHOST: vhost },
  });
  await using context = await runOrders("<protocol>RMQIOHandler</protocol>");
  await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "started");
  await using producer = new PRODUCERS.RMQIOHandler("queue_1");

  for (const message of ["poison", "good", "wait"]) await producer.send(message);
  const updated = (await context.untilSaid("ts_1", "updated")).status;
  await context.heard.first((message) => message.kind === "control" && message.status.began === true);
  process.kill(Number(status.pid), "SIGKILL");

  expect(updated).toMatchObject({ message: "good", seen: 1 });
  const again = new CONSUMERS.RMQIOHandler("queue_1");
  const { got, full, add } = gather<unknown>(1);
  await using _consumer = again;
  await again((message, { attempt }) => add([message, attempt]));
  await full;
  expect(got).toEqual([["wait", 2]]);
});

test("a protocol that Python has no client of is refused, with those that it has", async () => {
  await using context = await runOrders("<protocol>KafkaHandler</protocol>");
  await context.start("T1");

  const { status } = await context.untilSaid("ts_1", "started");

  expect(status).toMatchObject({ result: "failure", reason: expect.stringMatching(/Kafka.*have HTTPHandler/) });
});
