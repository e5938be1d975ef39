// Encrypted connections with servers whose certificates an authority of the test has signed, credentials files of NATS, and
// what is said where a certificate or a login won't do: one sentence with what to do, and no secret in it.

import { once } from "node:events";
import { chmod, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { inspect } from "node:util";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRedisStorage } from "../../src/messaging/claims/redis-storage.ts";
import type { ServerAddress, ServerEngine } from "../../src/messaging/contract/server.ts";
import { connectNats } from "../../src/messaging/engines/nats/nats-engine.ts";
import { connectRabbitmq } from "../../src/messaging/engines/rabbitmq/rabbitmq-engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { engineAddress, storeAddress } from "../../src/messaging/servers/server-access.ts";
import { readBusUrl, readStoreUrl } from "../../src/protocol/bus-address.ts";
import { gather } from "../conformance/members.ts";
import { type Authority, type Certificate, createAuthority } from "../support/certificates.ts";
import { makeFolder } from "../support/folder.ts";
import { startNats } from "../support/nats.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startRabbitmq, USER } from "../support/rabbitmq.ts";
import { startRedis } from "../support/redis.ts";

leaveNoProcess();

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});
afterAll(() => authority[Symbol.asyncDispose]());

const trusting = () => ({ ZCONTEXT_BUS_CA_FILE: authority.ca });

/** As a program in this environment connects. */
function addressOf(url: string, environment: { [name: string]: string } = trusting()): Promise<ServerAddress> {
  const bus = readBusUrl(url);
  if (bus.engine === "zeromq") throw new Error(`${url}: expected a server`);
  return engineAddress(bus, environment);
}

const startTlsNats = ({ cert, key }: Certificate, more = "") =>
  startNats({ more: `tls { cert_file: "${cert}", key_file: "${key}" }\n${more}` });

const startTlsRedis = async ({ cert, key }: Certificate, ...more: string[]) => {
  const tls = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", authority.ca];
  const port = (plain: number) => ["--port", "0", "--tls-port", String(plain)];
  return startRedis((plain) => [...port(plain), "--tls-auth-clients", "no", ...tls, ...more]);
};

/** What a server of RabbitMQ looks like to a program that checks its certificate: it hears no more of it. */
async function startTls({ cert, key }: Certificate) {
  const server = createServer({ cert: await readFile(cert), key: await readFile(key) });
  server.on("tlsClientError", () => {});
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await once(server.close(), "close");
    },
  };
}

async function exchangesEvents(engine: ServerEngine): Promise<void> {
  await using bus = new EventBus({ engine, src: "test/bus/1" });
  const heard = gather<unknown>(1);
  await bus.listen("a.b", "g", ({ content }) => heard.add(content));
  await bus.emit("a.b", { content: 1 });
  await heard.full;
}

describe("a server whose authority is known is used encrypted", () => {
  test("NATS", async () => {
    await using server = await startTlsNats(await authority.sign(), "authorization { user: shop, password: hush }");
    const url = server.url.replace("nats://", "tls+nats://shop:hush@");

    await exchangesEvents(connectNats({ address: await addressOf(url), src: "test/bus/1" }));
  });

  test("RabbitMQ", async () => {
    const certificate = { ...(await authority.sign()), ca: authority.ca };
    await using server = await startRabbitmq({ vhosts: 1, certificate });
    const { pathname } = new URL(server.newAddress().url);
    const login = `${USER.user}:${encodeURIComponent(USER.pass)}`;
    const address = await addressOf(`amqps://${login}@127.0.0.1:${server.tlsPort}${pathname}`);

    await exchangesEvents(await connectRabbitmq({ address, src: "test/bus/1" }));
  });

  test("Redis", async () => {
    await using server = await startTlsRedis(await authority.sign(), "--requirepass", "hush");
    const store = readStoreUrl(`rediss://:hush@127.0.0.1:${server.port}`);
    const storage = createRedisStorage(await storeAddress(store, trusting()));

    const token = await storage.storeMessage(Buffer.from("body"), 60_000);
    expect(String(await storage.recoverMessage(token))).toBe("body");
    await storage.close();
  });
});

describe.each([
  ["of an authority that is not known", {}, false, "is not known here: name that by ZCONTEXT_BUS_CA_FILE"],
  ["that has expired", { days: -1 }, true, "its certificate has expired: renew it on the server"],
  ["for another host", { host: "DNS:mq.example.org" }, true, "its certificate is for another name: use that name"],
])("a certificate %s", (_, options, isKnown, sentence) => {
  const environment = () => (isKnown ? trusting() : {});
  const secret = "hush-hush";
  const expectRefusal = (refusal: unknown) => {
    expect(refusal).toMatchObject({ code: "ERR_ENGINE_REFUSED", message: expect.stringContaining(sentence) });
    expect(inspect(refusal, { depth: null })).not.toContain(secret);
  };

  test("is refused of NATS", async () => {
    await using server = await startTlsNats(await authority.sign(options));
    const url = server.url.replace("nats://", `tls+nats://shop:${secret}@`);
    await using engine = connectNats({ address: await addressOf(url, environment()), src: "test/bus/1" });

    expectRefusal(await engine.up.catch((error: unknown) => error));
  });

  test("is refused of RabbitMQ", async () => {
    await using server = await startTls(await authority.sign(options));
    const address = await addressOf(`amqps://shop:${secret}@127.0.0.1:${server.port}`, environment());
    await using engine = await connectRabbitmq({ address, src: "test/bus/1" });

    expectRefusal(await engine.up.catch((error: unknown) => error));
  });

  test("is refused of Redis", async () => {
    await using server = await startTlsRedis(await authority.sign(options));
    const store = readStoreUrl(`rediss://:${secret}@127.0.0.1:${server.port}`);
    const storage = createRedisStorage(await storeAddress(store, environment()));

    expectRefusal(await storage.storeMessage(Buffer.from("body"), 60_000).catch((error: unknown) => error));
    await storage.close();
  });
});

describe("a credentials file of NATS", () => {
  test("lets its user in, and one of another account's user is refused without a word of it", async () => {
    await using folder = await makeFolder();
    const operator = nkeys.createOperator();
    const [system, account, other] = [nkeys.createAccount(), nkeys.createAccount(), nkeys.createAccount()];
    const tokens = [
      [system, accountToken(system, operator, {})],
      [account, accountToken(account, operator, JETSTREAM)],
    ] as const;
    const accounts = tokens.map(([pair, token]) => `${publicKey(pair)}: "${token}"`);
    await using server = await startNats({
      more: [
        ...[`operator: "${operatorToken(operator)}"`, `system_account: ${publicKey(system)}`],
        ...["resolver: MEMORY", `resolver_preload: { ${accounts.join("\n")} }`],
      ].join("\n"),
    });
    const [good, bad] = [userFile(account), userFile(other)];
    const addressWith = async (name: string, text: string) => {
      const file = await folder.write(name, text);
      await chmod(file, 0o600);
      return addressOf(server.url, { ZCONTEXT_BUS_CREDENTIALS_FILE: file });
    };
    await exchangesEvents(connectNats({ address: await addressWith("good.creds", good.text), src: "test/bus/1" }));
    await using stranger = connectNats({ address: await addressWith("bad.creds", bad.text), src: "test/bus/1" });
    const refusal = await stranger.up.catch((error: unknown) => error);

    expect(refusal).toMatchObject({ code: "ERR_ENGINE_REFUSED", hint: expect.stringContaining("credentials file") });
    expect(inspect(refusal, { depth: null })).not.toContain(bad.seed);
  });
});

type Pair = ReturnType<typeof nkeys.createUser>;

const publicKey = (pair: Pair) => pair.getPublicKey();
const ANY = { subs: -1, data: -1, payload: -1 };

/** What `nsc` writes: a token that says who somebody is, signed by who vouches for that. */
function tokenOf(subject: Pair, signer: Pair, nats: object): string {
  const encode = (value: object | Uint8Array) =>
    Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString("base64url");
  const claims = { jti: "T", iat: Math.floor(Date.now() / 1_000), iss: publicKey(signer), sub: publicKey(subject) };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode({ ...claims, name: "test", nats })}`;
  return `${text}.${encode(signer.sign(new TextEncoder().encode(text)))}`;
}

const operatorToken = (operator: Pair) => tokenOf(operator, operator, { type: "operator", version: 2 });

const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

function accountToken(account: Pair, operator: Pair, jetstream: object): string {
  const limits = { ...ANY, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, ...jetstream };
  return tokenOf(account, operator, { limits, type: "account", version: 2 });
}

function userFile(account: Pair): { text: string; seed: string } {
  const user = nkeys.createUser();
  const seed = new TextDecoder().decode(user.getSeed());
  const token = tokenOf(user, account, { ...ANY, type: "user", version: 2 });
  const part = (name: string, value: string) => `-----BEGIN ${name}-----\n${value}\n------END ${name}------\n`;
  return { text: `${part("NATS USER JWT", token)}\n${part("USER NKEY SEED", seed)}`, seed };
}
