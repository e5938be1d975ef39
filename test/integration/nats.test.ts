import { afterAll, beforeAll } from "vitest";
import { testCalls } from "../conformance/calls.ts";
import { testEvents } from "../conformance/events.ts";
import { testSignals } from "../conformance/signals.ts";
import { type NatsServer, openNatsMembers, startNats } from "../support/nats.ts";

let server: NatsServer;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server[Symbol.asyncDispose]());

const openMembers = () => openNatsMembers(server.url);
testEvents("nats", openMembers);
testCalls("nats", openMembers);
testSignals("nats", openMembers);
