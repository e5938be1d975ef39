import { afterAll, beforeAll } from "vitest";
import { testCalls } from "../conformance/calls.ts";
import { testEvents } from "../conformance/events.ts";
import { testSignals } from "../conformance/signals.ts";
import { openMembers, type RabbitmqServer, startRabbitmq } from "../support/rabbitmq.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server[Symbol.asyncDispose]());

testEvents("rabbitmq", () => openMembers(server));
testCalls("rabbitmq", () => openMembers(server));
testSignals("rabbitmq", () => openMembers(server));
