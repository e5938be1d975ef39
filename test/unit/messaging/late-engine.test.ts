import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import type { Engine } from "../../../src/messaging/contract/engine.ts";
import { createMemoryBroker } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";
import { createLateEngine } from "../../../src/messaging/late-engine.ts";

test("what is asked before the engine is there is done once it is", async () => {
  await using broker = createMemoryBroker();
  const engine = deferred<Engine>();
  await using bus = new EventBus({ engine: createLateEngine("memory", engine.promise), src: "c/shop/1" });
  await using other = new EventBus({ engine: await broker.connect("c/other/1"), src: "c/other/1" });
  const heard = deferred<unknown>();
  await other.subscribe("temperature", (content) => heard.resolve(content));
  await other.serve("stock", { count: () => 3 });

  const counted = bus.call("stock.count");
  bus.publish("temperature", 22);
  expect(bus.trouble).toBe("not connected yet");
  engine.resolve(await broker.connect("c/shop/1"));

  expect(await counted).toBe(3);
  expect(await heard.promise).toBe(22);
  expect(bus.trouble).toBeUndefined();
});

test("where it can't be connected, whoever asks hears why", async () => {
  const engine = Promise.reject<Engine>(new Error("the login is refused"));
  const bus = new EventBus({ engine: createLateEngine("rabbitmq", engine), src: "c/shop/1" });

  await expect(bus.emit("orders.created", { content: 1 })).rejects.toThrow("the login is refused");
  expect(() => bus.publish("temperature", 22)).toThrow("the login is refused");
  expect(bus.trouble).toBe("the login is refused");
  await bus.close();
});
