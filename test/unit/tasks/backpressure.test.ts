import { expect, test } from "vitest";
import { createPace } from "../../../src/tasks/backpressure.ts";

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
  const pace = createPace(new AbortController().signal);

  expect(await isSettled(pace.after(1))).toBe(true);
  expect(await isSettled(pace.after(256))).toBe(true);
});

test("a task that is far ahead waits until the provider has come after it", async () => {
  const pace = createPace(new AbortController().signal);
  const waiting = pace.after(300);

  expect(await isSettled(waiting)).toBe(false);
  pace.heard(32);
  expect(await isSettled(waiting)).toBe(false);
  pace.heard(64);
  expect(await isSettled(waiting)).toBe(true);
});

test("a task that is to stop is not held back", async () => {
  const stop = new AbortController();
  const pace = createPace(stop.signal);
  const waiting = pace.after(1_000);

  stop.abort();

  expect(await isSettled(waiting)).toBe(true);
  expect(await isSettled(pace.after(2_000))).toBe(true);
});
