import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { createReadingCache, type Identity } from "../../../src/monitor/reading-cache.ts";

const PERIOD_MS = 5_000;
const one = { pid: 7, startMs: 100 };
const another = { pid: 8, startMs: 100 };
const first = { atMs: 0, sinceMs: 0 };

/** A cache whose readings say when they were made. */
function createCache(read = async (_: Identity, atMs: number): Promise<number | undefined> => atMs) {
  return createReadingCache({ periodMs: PERIOD_MS, read, patienceMs: 0 });
}

const tickAt = (atMs: number) => ({ atMs, sinceMs: 1_000 });

test("a reading is repeated until the next", async () => {
  const cache = createCache();
  await cache.refresh([one], first);
  await cache.refresh([one], tickAt(4_000));
  const beforeItsTurn = cache.find(one, 4_000);

  await cache.refresh([one], tickAt(5_000));

  expect([beforeItsTurn, cache.find(one, 5_000)]).toEqual([0, 5_000]);
});

test("a process under a reused pid inherits no reading, and has its own at once", async () => {
  const cache = createCache();
  const successor = { pid: 7, startMs: 900 };
  await cache.refresh([one], first);
  expect(cache.find(successor, 1_000)).toBeUndefined();

  await cache.refresh([successor], tickAt(1_000));

  expect([cache.find(successor, 1_000), cache.find(one, 1_000)]).toEqual([1_000, undefined]);
});

test("a process that ends while it is read has no reading, and does not affect the others", async () => {
  const cache = createCache(async ({ pid }, atMs) => (pid === 7 ? undefined : atMs));

  await cache.refresh([one, another], first);

  expect([cache.find(one, 0), cache.find(another, 0)]).toEqual([undefined, 0]);
});

test("a reading that fails is none", async () => {
  const cache = createCache(() => Promise.reject(new Error("no such process")));

  await cache.refresh([one], first);

  expect(cache.find(one, 0)).toBeUndefined();
});

test("a process that makes its reader wait does not delay the others", async () => {
  const hangs = deferred<number>();
  const cache = createCache(({ pid }, atMs) => (pid === 7 ? hangs.promise : Promise.resolve(atMs)));

  await cache.refresh([one, another], first);
  await cache.refresh([one, another], tickAt(5_000));
  expect([cache.find(one, 5_000), cache.find(another, 5_000)]).toEqual([undefined, 5_000]);

  hangs.resolve(0);
  await cache.refresh([one, another], tickAt(10_000));
  expect(cache.find(one, 10_000)).toBe(0);
});

test("a reading that can't be renewed is not repeated for ever", async () => {
  const cache = createCache(async (_, atMs) => (atMs === 0 ? 0 : undefined));
  await cache.refresh([one], first);

  await cache.refresh([one], tickAt(PERIOD_MS));

  expect(cache.find(one, 3 * PERIOD_MS)).toBe(0);
  expect(cache.find(one, 3 * PERIOD_MS + 1)).toBeUndefined();
});

test("the readings of processes that have gone are dropped", async () => {
  const cache = createCache();
  await cache.refresh([one, another], first);

  cache.forget((pid) => pid === one.pid);

  expect([cache.find(one, 0), cache.find(another, 0)]).toEqual([undefined, 0]);
});

test("readings are renewed at once when they are asked for, due or not", async () => {
  const cache = createCache();
  await cache.refresh([one, another], first);

  const isRead = await cache.renew([one], tickAt(1_000));

  expect(isRead).toBe(true);
  expect([cache.find(one, 1_000), cache.find(another, 1_000)]).toEqual([1_000, 0]);
});

test("a renewal tells when a reading did not come in time", async () => {
  const hangs = deferred<number>();
  const cache = createCache(() => hangs.promise);

  expect(await cache.renew([one], first)).toBe(false);

  hangs.resolve(0);
});

test("a reading that is outdated is renewed early, but not at every tick", async () => {
  const reads: number[] = [];
  const cache = createReadingCache<number>({
    periodMs: 6_000,
    isOutdated: () => true,
    async read(_, atMs) {
      reads.push(atMs);
      return atMs;
    },
  });

  for (let atMs = 0; atMs <= 2_000; atMs += 200) await cache.refresh([one], { atMs, sinceMs: atMs === 0 ? 0 : 200 });

  expect(reads).toEqual([0, 1_000, 2_000]);
});
