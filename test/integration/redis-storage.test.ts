import { createClient } from "@redis/client";
import { expect, test } from "vitest";
import { createRedisStorage } from "../../src/messaging/claims/redis-storage.ts";
import type { ServerAddress } from "../../src/messaging/contract/server.ts";
import { startRedis } from "../support/redis.ts";

const BODY = Buffer.from([0, 255, 10, 13, 0x7b]);

function storageAt(address: ServerAddress, patienceMs?: number) {
  const storage = createRedisStorage(address, patienceMs);
  return { ...storage, [Symbol.asyncDispose]: storage.close };
}

test("several readers fetch the same body, byte by byte", async () => {
  await using redis = await startRedis();
  await using one = storageAt(redis);
  await using other = storageAt(redis);

  const token = await one.storeMessage(BODY, 300_000);

  expect(await other.recoverMessage(token)).toEqual(BODY);
  expect(await other.recoverMessage(token)).toEqual(BODY);
  expect(await one.recoverMessage(token)).toEqual(BODY);
});

test("the key is the bare token, which Redis removes after its time", async () => {
  await using redis = await startRedis();
  await using storage = storageAt({ url: `${redis.url}/3` });
  const client = await createClient({ url: `${redis.url}/3` }).connect();
  const token = await storage.storeMessage(Buffer.from("body"), 300_000);

  const [text, leftS] = await Promise.all([client.get(token), client.ttl(token)]);
  await client.del(token);

  expect(text).toBe("body");
  expect(leftS).toBeGreaterThan(200);
  expect(leftS).toBeLessThanOrEqual(300);
  expect(await storage.recoverMessage(token)).toBeUndefined();
  client.destroy();
});

test("what is asked while the server is away waits for it", async () => {
  await using redis = await startRedis();
  await using storage = storageAt(redis, 100_000);
  await storage.storeMessage(BODY, 1_000);
  await redis.stop();

  const stored = storage.storeMessage(BODY, 300_000);
  await redis.start();

  expect(await storage.recoverMessage(await stored)).toEqual(BODY);
});

test("a server that stays away is named, and why", async () => {
  await using redis = await startRedis();
  await using storage = storageAt(redis, 500);
  await redis.stop();

  await expect(storage.storeMessage(BODY, 1_000)).rejects.toMatchObject({
    code: "ERR_ENGINE_UNREACHABLE",
    message: expect.stringMatching(/^claim store redis:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*, after 500 ms$/),
  });
});

test("a password lets in, and a wrong one is refused without being shown", async () => {
  await using redis = await startRedis(() => ["--requirepass", "right"]);
  await using storage = storageAt({ ...redis, login: { user: "", pass: "right" } });
  await using wrong = storageAt({ ...redis, login: { user: "", pass: "wrong-one" } });

  expect(await storage.recoverMessage(await storage.storeMessage(BODY, 10_000))).toEqual(BODY);
  const refused = await wrong.storeMessage(BODY, 10_000).catch((error: Error) => error);

  expect(refused).toMatchObject({ code: "ERR_ENGINE_REFUSED", message: expect.stringContaining("WRONGPASS") });
  expect(JSON.stringify([refused, String(refused)])).not.toContain("wrong-one");
});
