import { describe, expect, test } from "vitest";
import { createMemoryBroker, type MemoryOptions } from "../../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../../src/messaging/event-bus.ts";
import { testCalls } from "../../conformance/calls.ts";
import { testEvents } from "../../conformance/events.ts";
import { aborted } from "../../conformance/members.ts";

testEvents("memory", async () => createMemoryBroker());
testCalls("memory", async () => createMemoryBroker());

describe("with limits of its own", () => {
  async function busOf(options: MemoryOptions) {
    const src = "test/bus/1";
    return new EventBus({ engine: await createMemoryBroker(options).connect(src), src });
  }

  test("an event that requires a route is refused when nobody listens in time", async () => {
    const bus = await busOf({ limits: { holdMs: 1 } });

    await expect(bus.emit("a.b", { content: 1 }, { requireRoute: true })).rejects.toMatchObject({
      code: "ERR_EVENT_UNROUTED",
    });
  });

  test("an event above the bound of a queue is refused", async () => {
    const bus = await busOf({ limits: { queueLength: 3 } });
    await bus.listen("a.b", "g", ({ signal }) => aborted(signal), { prefetch: 1 });
    for (let i = 0; i < 3; i += 1) await bus.emit("a.b", { content: i });

    await expect(bus.emit("a.b", { content: 4 })).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
  });
});
