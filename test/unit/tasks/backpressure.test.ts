import { expect, test } from "vitest";
import { createBackpressure } from "../../../src/tasks/backpressure.ts";

/** Whether a promise has settled once everything that can go on has. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  promise.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
}

test("a task goes on at once as long as the provider is near", async () => {
  const backpressure = createBackpressure(new AbortController().signal);

  expect(await isSettled(backpressure.after(1))).toBe(true);
  expect(await isSettled(backpressure.after(256))).toBe(true);
});

test("a task that is far ahead waits until the provider has caught up", async () => {
  const backpressure = createBackpressure(new AbortController().signal);
  const waiting = backpressure.after(300);

  expect(await isSettled(waiting)).toBe(false);
  backpressure.heard(32);
  expect(await isSettled(waiting)).toBe(false);
  backpressure.heard(64);
  expect(await isSettled(waiting)).toBe(true);
});

test("a task that is told to stop is not held back", async () => {
  const stop = new AbortController();
  const backpressure = createBackpressure(stop.signal);
  const waiting = backpressure.after(1_000);

  stop.abort();

  expect(await isSettled(waiting)).toBe(true);
  expect(await isSettled(backpressure.after(2_000))).toBe(true);
});
