import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { createTier, type Identity } from "../../../src/monitor/tier.ts";

const PERIOD_MS = 5_000;
const one = { pid: 7, startMs: 100 };
const another = { pid: 8, startMs: 100 };
const first = { atMs: 0, sinceMs: 0 };

/** A tier whose readings say when they were made. */
function startTier(read = async (_: Identity, atMs: number): Promise<number | undefined> => atMs) {
  return createTier({ periodMs: PERIOD_MS, read, patienceMs: 0 });
}

const tickAt = (atMs: number) => ({ atMs, sinceMs: 1_000 });

test("a reading is repeated until the next", async () => {
  const tier = startTier();
  await tier.serve([one], first);
  await tier.serve([one], tickAt(4_000));
  const beforeItsTurn = tier.find(one, 4_000);

  await tier.serve([one], tickAt(5_000));

  expect([beforeItsTurn, tier.find(one, 5_000)]).toEqual([0, 5_000]);
});

test("a process under a reused pid inherits no reading, and has its own at once", async () => {
  const tier = startTier();
  const successor = { pid: 7, startMs: 900 };
  await tier.serve([one], first);
  expect(tier.find(successor, 1_000)).toBeUndefined();

  await tier.serve([successor], tickAt(1_000));

  expect([tier.find(successor, 1_000), tier.find(one, 1_000)]).toEqual([1_000, undefined]);
});

test("who is gone while it is read has no reading, and costs the others nothing", async () => {
  const tier = startTier(async ({ pid }, atMs) => (pid === 7 ? undefined : atMs));

  await tier.serve([one, another], first);

  expect([tier.find(one, 0), tier.find(another, 0)]).toEqual([undefined, 0]);
});

test("a reading that fails is none", async () => {
  const tier = startTier(() => Promise.reject(new Error("no such process")));

  await tier.serve([one], first);

  expect(tier.find(one, 0)).toBeUndefined();
});

test("a process that makes its reader wait keeps nobody else waiting", async () => {
  const hangs = deferred<number>();
  const tier = startTier(({ pid }, atMs) => (pid === 7 ? hangs.promise : Promise.resolve(atMs)));

  await tier.serve([one, another], first);
  await tier.serve([one, another], tickAt(5_000));
  expect([tier.find(one, 5_000), tier.find(another, 5_000)]).toEqual([undefined, 5_000]);

  hangs.resolve(0);
  await tier.serve([one, another], tickAt(10_000));
  expect(tier.find(one, 10_000)).toBe(0);
});

test("a reading that can't be renewed is not repeated for ever", async () => {
  const tier = startTier(async (_, atMs) => (atMs === 0 ? 0 : undefined));
  await tier.serve([one], first);

  await tier.serve([one], tickAt(PERIOD_MS));

  expect(tier.find(one, 3 * PERIOD_MS)).toBe(0);
  expect(tier.find(one, 3 * PERIOD_MS + 1)).toBeUndefined();
});

test("what is known of the gone is dropped", async () => {
  const tier = startTier();
  await tier.serve([one, another], first);

  tier.forget((pid) => pid === one.pid);

  expect([tier.find(one, 0), tier.find(another, 0)]).toEqual([undefined, 0]);
});
