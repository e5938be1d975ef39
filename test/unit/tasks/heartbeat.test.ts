import { expect, test } from "vitest";
import type { Beat } from "../../../src/protocol/pipe.ts";
import { type HeartbeatClock, isInspected, startHeartbeat } from "../../../src/tasks/heartbeat.ts";

/** A clock whose timer fires when the test says so, late or in time. */
function virtualClock() {
  let nowMs = 5_000;
  let call: (() => void) | undefined;
  const intervals: number[] = [];
  const clock: HeartbeatClock = {
    monotonicMs: () => nowMs,
    every(intervalMs, timerCall) {
      intervals.push(intervalMs);
      call = timerCall;
      return () => {
        call = undefined;
      };
    },
  };
  return {
    clock,
    intervals,
    fireAfter(elapsedMs: number) {
      nowMs += elapsedMs;
      call?.();
    },
  };
}

function heartbeatOf(heartbeatMs: number) {
  const heard: Beat[] = [];
  const { clock, ...timer } = virtualClock();
  const heartbeat = startHeartbeat(heartbeatMs, (beat) => heard.push(beat), clock);
  return { heard, heartbeat, ...timer };
}

test("the first beat comes at once", () => {
  const { heard, intervals } = heartbeatOf(1_000);

  expect(heard.map(({ delayMs }) => delayMs)).toEqual([0]);
  expect(intervals).toEqual([1_000]);
});

test("a beat says how late it is, counted from the beat before", () => {
  const { heard, fireAfter } = heartbeatOf(1_000);

  for (const elapsedMs of [1_000, 1_250, 999.5, 4_000]) fireAfter(elapsedMs);

  expect(heard.map(({ delayMs }) => delayMs)).toEqual([0, 0, 250, 0, 3_000]);
});

test("a beat tells of the heap, of what is open, and whether it is inspected", () => {
  const { heard } = heartbeatOf(1_000);

  expect(heard).toEqual([
    { delayMs: 0, heapBytes: expect.any(Number), handles: expect.any(Number), isInspected: isInspected() },
  ]);
  expect(heard[0]?.heapBytes).toBeGreaterThan(0);
});

test("no beat comes after the stop", () => {
  const { heard, heartbeat, fireAfter } = heartbeatOf(1_000);

  heartbeat.stop();
  fireAfter(1_000);

  expect(heard).toHaveLength(1);
});

test.each([0, Number.NaN, undefined as never])("a task without a heartbeat (%s) does not beat", (heartbeatMs) => {
  const { heard, heartbeat, intervals } = heartbeatOf(heartbeatMs);

  heartbeat.stop();

  expect(heard).toEqual([]);
  expect(intervals).toEqual([]);
});

test("beats keep no process alive", () => {
  const before = process.getActiveResourcesInfo();

  const heartbeat = startHeartbeat(3_600_000, () => {});
  const during = process.getActiveResourcesInfo();
  heartbeat.stop();

  expect(during).toEqual(before);
});
