import { expect, test } from "vitest";
import { DEFAULT_RETRY, delayAfter } from "../../../src/messaging/retry.ts";

test("an event is tried five times more, after 0.2 s, doubling", () => {
  const delays = [1, 2, 3, 4, 5, 6].map((attempt) => delayAfter(attempt, DEFAULT_RETRY, 0.5));

  expect(delays).toEqual([200, 400, 800, 1600, 3200, undefined]);
});

test("a delay is at most 30 s, and differs by 20 %", () => {
  const patient = { ...DEFAULT_RETRY, attempts: 50 };

  expect(delayAfter(40, patient, 0)).toBe(24_000);
  expect(delayAfter(40, patient, 1)).toBe(36_000);
});
