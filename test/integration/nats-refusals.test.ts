// Servers of NATS that can't be used: each says why, and what to do.
import { expect, test } from "vitest";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { connectNats } from "../../src/messaging/engines/nats/nats-engine.ts";
import { startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const USERS = `authorization { users: [
  { user: shop, password: "se:cret" }
  { user: guest, password: guest, permissions: { publish: "a", subscribe: ">" } }
] }`;

async function refusalOf(address: ServerAddress): Promise<unknown> {
  await using engine = connectNats({ address, src: "test/shop/1" });
  return await engine.up.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a server without JetStream is unfit", async () => {
  await using server = await startNats({ jetstream: false });

  expect(await refusalOf({ url: server.url })).toMatchObject({
    code: "ERR_ENGINE_UNFIT",
    hint: expect.stringContaining("nats-server -js"),
  });
});

test("name and password that the server knows let a program in, others don't and are not printed", async () => {
  await using server = await startNats({ more: USERS });
  const { url } = server;
  const wrong = await refusalOf({ url, login: { user: "shop", pass: "wrong-secret" } });

  expect(await refusalOf({ url, login: { user: "shop", pass: "se:cret" } })).toBeUndefined();
  expect(await refusalOf({ url })).toMatchObject({ code: "ERR_ENGINE_REFUSED" });
  expect(wrong).toMatchObject({ code: "ERR_ENGINE_REFUSED", hint: expect.stringContaining("password") });
  expect(String(wrong)).not.toContain("wrong-secret");
});

test("a token is enough where the server wants one", async () => {
  await using server = await startNats({ more: "authorization { token: letmein }" });
  const { url } = server;

  expect(await refusalOf({ url, login: { token: "letmein" } })).toBeUndefined();
  expect(await refusalOf({ url, login: { token: "other" } })).toMatchObject({ code: "ERR_ENGINE_REFUSED" });
});

test("a user who may not ask JetStream is told which permission is missing", async () => {
  await using server = await startNats({ more: USERS });

  expect(await refusalOf({ url: server.url, login: { user: "guest", pass: "guest" } })).toMatchObject({
    code: "ERR_ENGINE_REFUSED",
    message: expect.stringContaining("$JS.API"),
  });
});

test("TLS where the server has none is refused with what to do", async () => {
  await using server = await startNats();

  expect(await refusalOf({ url: server.url.replace("nats:", "tls+nats:"), tls: {} })).toMatchObject({
    code: "ERR_ENGINE_REFUSED",
    hint: expect.stringContaining("tls+nats://"),
  });
});
