import { chmod } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { expect, test } from "vitest";
import { engineAddress } from "../../src/messaging/servers/server-access.ts";
import { readBusUrl } from "../../src/protocol/bus-address.ts";
import { makeFolder } from "../support/folder.ts";

const NKEY = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n";
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

async function addressOf(url: string, environment: NodeJS.ProcessEnv = {}) {
  const bus = readBusUrl(url);
  if (bus.engine === "zeromq") throw new Error(`${url}: expected a server`);
  return engineAddress(bus, environment);
}

test("without credentials there is a URL alone", async () => {
  expect(await addressOf("nats://127.0.0.1:4222")).toEqual({ url: "nats://127.0.0.1:4222" });
});

test("the login of the URL wins over that of the environment", async () => {
  const environment = { ZCONTEXT_BUS_USER: "other", ZCONTEXT_BUS_PASS: "other" };

  expect(await addressOf("amqp://shop:secret@127.0.0.1/orders", environment)).toEqual({
    url: "amqp://127.0.0.1/orders",
    login: { user: "shop", pass: "secret" },
  });
  expect((await addressOf("amqp://127.0.0.1", environment)).login).toEqual({ user: "other", pass: "other" });
});

test("a server that the environment does not speak of is told nothing of it", async () => {
  const environment = {
    ZCONTEXT_BUS_URL: "nats://shop:secret@127.0.0.1:4222",
    ZCONTEXT_BUS_CREDENTIALS_FILE: "/nowhere",
    ZCONTEXT_BUS_CA_FILE: "/nowhere",
  };

  expect(await addressOf("tls+nats://127.0.0.1:4223", environment)).toEqual({
    url: "tls+nats://127.0.0.1:4223",
    tls: {},
  });
  expect((await addressOf("nats://127.0.0.1:4222", environment)).login).toEqual({ user: "shop", pass: "secret" });
});

test.each([
  ["a name and a password", "user=shop\npass = se=cret \n", { user: "shop", pass: "se=cret" }],
  ["a token", "# of the bus\ntoken=secret\n", { token: "secret" }],
  ["what NATS has made", NKEY, { credentials: NKEY }],
])("a file holds %s", async (_, text, login) => {
  await using folder = await makeFolder({ credentials: text });
  const file = folder.at("credentials");
  await chmod(file, 0o600);

  expect((await addressOf("nats://localhost", { ZCONTEXT_BUS_CREDENTIALS_FILE: file })).login).toEqual(login);
});

test("a file that others may read is refused with the way out", async () => {
  await using folder = await makeFolder({ credentials: "token=secret" });
  const file = folder.at("credentials");
  await chmod(file, 0o640);

  await expect(addressOf("nats://localhost", { ZCONTEXT_BUS_CREDENTIALS_FILE: file })).rejects.toMatchObject({
    code: "ERR_ENVIRONMENT_INVALID",
    message: `ZCONTEXT_BUS_CREDENTIALS_FILE: ${file} is open to others, mode 0640`,
    hint: `chmod 600 ${file}`,
  });
});

test("certificates come from files, and only for an encrypted connection", async () => {
  await using folder = await makeFolder({ ca: PEM, cert: PEM, key: PEM });
  await chmod(folder.at("key"), 0o600);
  const environment = {
    ZCONTEXT_BUS_CA_FILE: folder.at("ca"),
    ZCONTEXT_BUS_CERT_FILE: folder.at("cert"),
    ZCONTEXT_BUS_KEY_FILE: folder.at("key"),
  };

  expect(await addressOf("amqps://mq", environment)).toEqual({
    url: "amqps://mq",
    tls: { ca: [...rootCertificates, PEM].join("\n"), cert: PEM, key: PEM },
  });
  expect(await addressOf("amqp://localhost", environment)).toEqual({ url: "amqp://localhost" });
});

test.each([
  ["half a login", { ZCONTEXT_BUS_USER: "shop" }, "ZCONTEXT_BUS_PASS is not set"],
  ["half a certificate", { ZCONTEXT_BUS_CERT_FILE: "/etc/hostname" }, "ZCONTEXT_BUS_KEY_FILE is not set"],
  ["a file that is none", { ZCONTEXT_BUS_CA_FILE: "/nowhere/ca.pem" }, "ZCONTEXT_BUS_CA_FILE: ENOENT"],
  ["a file without a certificate", { ZCONTEXT_BUS_CA_FILE: "/etc/passwd" }, "/etc/passwd is no PEM file"],
])("%s is refused by its variable", async (_, environment, reason) => {
  await expect(addressOf("tls+nats://bus", environment)).rejects.toMatchObject({
    code: "ERR_ENVIRONMENT_INVALID",
    message: expect.stringContaining(reason),
  });
});

test("credentials of a file don't travel unencrypted to another machine", async () => {
  const environment = { ZCONTEXT_BUS_USER: "shop", ZCONTEXT_BUS_PASS: "secret" };

  await expect(addressOf("nats://bus:4222", environment)).rejects.toMatchObject({ code: "ERR_ENGINE_REFUSED" });
  expect((await addressOf("nats://bus:4222?insecure=true", environment)).login).toBeDefined();
});
