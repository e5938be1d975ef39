import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { ZcontextError } from "../../../src/errors.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/index.ts";
import { awaitBus } from "../../../src/tasks/handlers/await-bus.ts";
import { createBusOpener, createLazyBus } from "../../../src/tasks/handlers/lazy-bus.ts";

async function newBus(): Promise<EventBus> {
  return new EventBus({ engine: await createMemoryBroker().connect("a/b/c"), src: "a/b/c" });
}

const unreachable = new ZcontextError("ERR_ENGINE_UNREACHABLE", "its broker can't be reached");

test("a bus that can't be reached is waited for, with lines that say why", async () => {
  const lines: string[] = [];
  const hasSaid = deferred();
  const bus = await newBus();
  let attempts = 0;

  const opened = await awaitBus(
    async () => {
      attempts += 1;
      if (attempts === 1) throw unreachable;
      await hasSaid.promise;
      return bus;
    },
    {
      ...{ signal: new AbortController().signal, reportMs: 1, retryMs: 1 },
      warn(line) {
        lines.push(line);
        if (attempts > 1) hasSaid.resolve();
      },
    },
  );

  expect(opened).toBe(bus);
  expect(lines.at(-1)).toBe("waiting for the messages of other services: its broker can't be reached");
});

test("a task that is told to stop waits no longer", async () => {
  const stop = new AbortController();
  const waiting = awaitBus(() => new Promise<never>(() => {}), { signal: stop.signal, warn() {} });
  stop.abort();

  await expect(waiting).rejects.toBe(stop.signal.reason);
});

test("a bus that refuses the task is not waited for", async () => {
  const refused = new ZcontextError("ERR_ENGINE_REFUSED", "the token is not the broker's");
  const waiting = awaitBus(() => Promise.reject(refused), { signal: new AbortController().signal, warn() {} });

  await expect(waiting).rejects.toBe(refused);
});

test("a bus is connected once, when it is first used, and again after a failure", async () => {
  let connections = 0;
  const opener = createBusOpener(async () => {
    connections += 1;
    if (connections === 1) throw unreachable;
    return newBus();
  });
  const failures: unknown[] = [];
  const bus = createLazyBus(opener.open, (error) => failures.push(error));

  expect(connections).toBe(0);
  await expect(bus.emit("a.b", { content: 1 })).rejects.toBe(unreachable);
  const [first, second] = await Promise.all([bus.emit("a.b", { content: 1 }), bus.emit("a.b", { content: 2 })]);
  expect(first.id).not.toBe(second.id);
  expect(connections).toBe(2);
  await opener.close();
  await expect(bus.emit("a.b", { content: 1 })).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  expect(failures).toEqual([]);
});

test("a signal that can't be published is reported, since nobody waits for it", async () => {
  const reported = deferred<unknown>();
  const bus = createLazyBus(() => Promise.reject(unreachable), reported.resolve);

  bus.publish("temperature", 22);

  expect(await reported.promise).toBe(unreachable);
});

test("every verb of a task's bus is that of the bus", async () => {
  const opener = createBusOpener(newBus);
  const bus = createLazyBus(opener.open, () => {});
  const heard = deferred<unknown>();
  const listened = deferred<unknown>();

  await bus.subscribe("temperature", (content) => heard.resolve(content));
  bus.publish("temperature", 22);
  await bus.listen("a.b", "g", ({ content }) => listened.resolve(content));
  await bus.serve("billing", { get: () => 42 });
  await bus.emit("a.b", { content: 1 });
  await bus.emit("c.d", { content: 2 });

  expect(await heard.promise).toBe(22);
  expect(await listened.promise).toBe(1);
  expect(await bus.call("billing.get")).toBe(42);
  for await (const event of bus.events("c.d", "h")) {
    expect(event.content).toBe(2);
    break;
  }
  await opener.close();
});
