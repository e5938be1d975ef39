import { expect, test } from "vitest";
import { testCalls } from "../conformance/calls.ts";
import { testEvents } from "../conformance/events.ts";
import { openBus } from "../support/bus-peer.ts";
import { startZeromq } from "../support/messaging.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

for (const durability of ["memory", "file", "sync"] as const)
  testEvents(`zeromq, ${durability}`, () => startZeromq({ durability }));
testCalls("zeromq", startZeromq);

test("a program has one bus, and with main() it settles what it has before it ends", async () => {
  await using bus = await openBus();
  const program = bus.startProgram("bus-program.mjs");
  await program.said.first((line) => line === "ready");
  const shop = await bus.connect("shop");
  await shop.emit("a.b", { content: 1 });
  await program.said.first((line) => Array.isArray(line) && line[0] === "begun");
  program.signal("SIGTERM");

  expect(await program.exited).toBe(0);
  expect(program.said.all).toEqual(["ERR_USAGE", "ready", ["begun", 1], ["done", 1], "closed"]);
  expect(await shop.operations.queues()).toMatchObject([{ ready: 0, in_flight: 0, members: 0 }]);
});
