// Servers of streams that are away at the start, and that go away later.
import { describe, expect, test } from "vitest";
import { CONSUMERS, ConsumerFactory, ConsumerRunner, PRODUCERS } from "../../src/streams/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { startNats } from "../support/nats.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** Where a protocol is told that its server is. */
const PLACES: { [protocol: string]: (port: number) => object } = {
  NATSHandler: (port) => ({ url: `nats://127.0.0.1:${port}` }),
  RMQIOHandler: (port) => ({ host: `127.0.0.1:${port}` }),
  KafkaHandler: (port) => ({ host: `127.0.0.1:${port}` }),
  ZMQHandler: (port) => ({ url: `ipc:///nowhere/${port}/broker` }),
};

describe("a server that is away at the start is told, with where it was looked for, over", () => {
  test.concurrent.each(Object.keys(PLACES))("%s", async (protocol) => {
    const port = await freePort();
    const place = PLACES[protocol]?.(port);
    const [producer, consumer] = [
      new (PRODUCERS[protocol] ?? PRODUCERS.HTTPHandler)("q", place),
      new (CONSUMERS[protocol] ?? CONSUMERS.HTTPHandler)("q", place),
    ];
    const told = { code: "ERR_ENGINE_UNREACHABLE", message: expect.stringContaining(String(port)) };

    await Promise.all([
      expect(producer.send({ id: 7 })).rejects.toMatchObject(told),
      expect(consumer(() => {})).rejects.toMatchObject(told),
    ]);
    await Promise.all([producer.close(), consumer.close()]);
  });

  test("HTTPHandler", async () => {
    const port = await freePort();
    await using producer = new PRODUCERS.HTTPHandler("q", { host: `127.0.0.1:${port}` });

    await expect(producer.send({ id: 7 })).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining(String(port)),
    });
  });
});

test("a server of NATS that is away is waited for by a runner, and again when it is killed", async () => {
  await using server = await startNats();
  await server.stop();
  // One that is killed may give again what was handled just before.
  const handled = new Set<unknown>();
  const consumers = new ConsumerFactory("NATSHandler", { url: server.url });
  consumers.route("q", ({ id }) => void handled.add(id));
  const leaving = new AbortController();
  const running = new ConsumerRunner({ consumers }).run({ signal: leaving.signal });
  await server.start();
  await using producer = new PRODUCERS.NATSHandler("q", { url: server.url });
  await producer.send({ id: 1 });
  await server.stop("SIGKILL");
  const sent = producer.send({ id: 2 });
  await server.start();
  await sent;

  await expect.poll(() => [...handled], { timeout: BOUND_MS }).toEqual([1, 2]);
  leaving.abort();
  await running;
});
