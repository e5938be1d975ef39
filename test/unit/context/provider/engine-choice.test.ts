import { expect, test } from "vitest";
import { chooseServer } from "../../../../src/context/provider/engine-choice.ts";

const FILE = { durability: "file" } as const;
const AT_NATS = { ...FILE, url: "nats://127.0.0.1:4222" };

test("a context has its own broker where neither file nor environment names a server", () => {
  expect(chooseServer(FILE, {})).toBeUndefined();
  expect(chooseServer(FILE, { ZCONTEXT_BUS_URL: "" })).toBeUndefined();
});

test("the broker of another context, whose task the provider may be, is not meant", () => {
  const told = { ZCONTEXT_BUS_URL: "ipc:///run/other/broker", ZCONTEXT_BUS_TOKEN: "of the other" };

  expect(chooseServer(FILE, told)).toBeUndefined();
  expect(chooseServer(AT_NATS, told)?.environment).toEqual({ ZCONTEXT_BUS_URL: "nats://127.0.0.1:4222" });
});

test("the environment wins over the file, and adds to it", () => {
  const messaging = { ...AT_NATS, claimStore: "redis://127.0.0.1/1" };

  const chosen = chooseServer(messaging, {
    ZCONTEXT_BUS_URL: "amqp://localhost/orders",
    ZCONTEXT_BUS_DIALECT: "twyla",
  });

  expect(chosen?.place).toEqual({
    url: "amqp://localhost/orders",
    dialect: "twyla",
    claimStore: "redis://127.0.0.1/1",
  });
  expect(chosen?.environment).toEqual({
    ZCONTEXT_BUS_URL: "amqp://localhost/orders",
    ZCONTEXT_BUS_DIALECT: "twyla",
    ZCONTEXT_BUS_CLAIM_STORE: "redis://127.0.0.1/1",
  });
});

test("credentials of a URL reach the tasks beside it, and stand nowhere else", () => {
  const chosen = chooseServer(FILE, {
    ZCONTEXT_BUS_URL: "amqps://shop:p%40ss@mq/orders",
    ZCONTEXT_BUS_CLAIM_STORE: "rediss://:hidden@cache",
  });

  expect(chosen?.environment).toEqual({
    ZCONTEXT_BUS_URL: "amqps://mq/orders",
    ZCONTEXT_BUS_USER: "shop",
    ZCONTEXT_BUS_PASS: "p@ss",
    ZCONTEXT_BUS_CLAIM_STORE: "rediss://:hidden@cache",
  });
  expect(JSON.stringify([chosen?.place, chosen?.warnings])).not.toMatch(/shop|p@ss|hidden/);
});

test("files that it names are found by tasks in other folders", () => {
  const { environment } = chooseServer(AT_NATS, { ZCONTEXT_BUS_CREDENTIALS_FILE: "shop.creds" }) ?? {};

  expect(environment?.ZCONTEXT_BUS_CREDENTIALS_FILE).toBe(`${process.cwd()}/shop.creds`);
});

test.each([
  ["a user", { ZCONTEXT_BUS_USER: "shop", ZCONTEXT_BUS_PASS: "secret" }],
  ["a token", { ZCONTEXT_BUS_TOKEN: "secret" }],
  ["a file", { ZCONTEXT_BUS_CREDENTIALS_FILE: "shop.creds" }],
  ["a URL", { ZCONTEXT_BUS_URL: "nats://shop:secret@bus:4222" }],
  ["the URL of a store", { ZCONTEXT_BUS_CLAIM_STORE: "redis://:secret@cache" }],
])("credentials of %s don't travel unencrypted to another machine", (_, environment) => {
  expect(() => chooseServer({ ...FILE, url: "nats://bus:4222" }, environment)).toThrow(
    expect.objectContaining({
      code: "ERR_ENGINE_REFUSED",
      message: expect.not.stringContaining("secret"),
      hint: expect.stringContaining("?insecure=true"),
    }),
  );
});

test("they do where the URL says so, and then without a warning", () => {
  const url = "nats://bus:4222?insecure=true";

  const chosen = chooseServer({ ...FILE, url }, { ZCONTEXT_BUS_USER: "shop", ZCONTEXT_BUS_PASS: "secret" });

  expect(chosen).toMatchObject({
    warnings: [],
    place: { url: "nats://bus:4222" },
    environment: { ZCONTEXT_BUS_URL: url },
  });
});

test("without credentials it is a warning, which its tasks don't repeat", () => {
  const chosen = chooseServer({ ...FILE, url: "nats://bus:4222" }, {});

  expect(chosen?.warnings).toEqual([
    "messages travel unencrypted to nats://bus:4222, where others may read and send them",
  ]);
  expect(chosen?.environment.ZCONTEXT_BUS_URL).toBe("nats://bus:4222?insecure=true");
});

test.each([
  ["a durability", { ...AT_NATS, durability: "sync" } as const, {}, "its own configuration says whether it flushes"],
  ["a dialect", AT_NATS, { ZCONTEXT_BUS_DIALECT: "twyla" }, "twyla is a dialect of rabbitmq, not of nats"],
])("%s that the server does not have is refused", (_, messaging, environment, reason) => {
  expect(() => chooseServer(messaging, environment)).toThrow(
    expect.objectContaining({ code: "ERR_ENGINE_UNFIT", message: expect.stringContaining(reason) }),
  );
});
