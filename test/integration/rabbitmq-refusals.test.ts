// What a server refuses is said in one sentence that says what to do.
import { connect as connectAmqp } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ZcontextError } from "../../src/errors.ts";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { connectRabbitmq } from "../../src/messaging/engines/rabbitmq/rabbitmq-engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { POOR_USER, type RabbitmqServer, startRabbitmq, USER } from "../support/rabbitmq.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq({ vhosts: 8 });
});
afterAll(() => server[Symbol.asyncDispose]());

async function refusalOf(address: ServerAddress): Promise<unknown> {
  await using engine = await connectRabbitmq({ address, src: "test/bus/1" });
  return await engine.up.catch((error: unknown) => error);
}

test("a wrong password", async () => {
  const { url } = server.newAddress();

  const refusal = await refusalOf({ url, login: { user: USER.user, pass: "wrong secret" } });

  expect(refusal).toMatchObject({
    code: "ERR_ENGINE_REFUSED",
    message: `${url} refuses user ${USER.user}`,
    hint: expect.stringContaining("password"),
  });
  expect(JSON.stringify(refusal) + String(refusal)).not.toContain("wrong secret");
});

test("a virtual host that is not there", async () => {
  const refusal = await refusalOf({ url: `amqp://127.0.0.1:${server.port}/nowhere`, login: USER });

  expect(refusal).toMatchObject({
    code: "ERR_ENGINE_REFUSED",
    message: expect.stringContaining("does not open the virtual host nowhere for user tester"),
    hint: expect.stringContaining("rabbitmqctl add_vhost nowhere"),
  });
});

test("a user without rights", async () => {
  const refusal = await refusalOf({ ...server.newAddress(), login: POOR_USER });

  expect(refusal).toMatchObject({
    code: "ERR_ENGINE_REFUSED",
    message: expect.stringContaining("does not let user poor use exchange 'zcontext.post'"),
    hint: expect.stringContaining("rabbitmqctl set_permissions"),
  });
});

test("a queue that others have declared in another way", async () => {
  const { url } = server.newAddress();
  const where = { hostname: "127.0.0.1", port: server.port, vhost: new URL(url).pathname.slice(1) };
  const connection = await connectAmqp({ ...where, username: USER.user, password: USER.pass });
  await (await connection.createChannel()).assertQueue("a.b.g.q", { durable: true });
  await connection.close();
  await using engine = await connectRabbitmq({ address: { url, login: USER }, src: "test/bus/1" });
  const bus = new EventBus({ engine, src: "test/bus/1" });

  await expect(bus.listen("a.b", "g", () => {})).rejects.toMatchObject({
    code: "ERR_ENGINE_UNFIT",
    message: expect.stringContaining("queue 'a.b.g.q'"),
    hint: expect.stringContaining("Delete it"),
  });
});

test.each([
  ["amq.x", "g", "the server keeps names"],
  ["a.*", "g", "stand for other words"],
  [`a.${"ü".repeat(120)}`, "g".repeat(20), "longer than 255 bytes"],
])("names that the server can't have: %s", async (event, group, reason) => {
  await using engine = await connectRabbitmq({ address: server.newAddress(), src: "test/bus/1" });
  const bus = new EventBus({ engine, src: "test/bus/1" });

  const refusal = await bus.listen(event, group, () => {}).catch((error: unknown) => error);

  expect(refusal).toBeInstanceOf(ZcontextError);
  expect(refusal).toMatchObject({ code: "ERR_ENGINE_UNFIT", message: expect.stringContaining(reason) });
});
