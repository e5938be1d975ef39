import { expect, test } from "vitest";
import { createLastRuns } from "../../../../src/http/data/last-runs.ts";
import type { Transition } from "../../../../src/protocol/transition.ts";

function factsAfter(...steps: (Partial<Transition<string>> & { from: string; to: string })[]) {
  const runs = createLastRuns();
  for (const [index, step] of steps.entries())
    runs.add({
      ...{ transaction: "T1", task: "a", sequence: index + 1, event: "start", run: 1, time: `${index}` },
      ...step,
    });
  return runs.of("T1", "a");
}

const START = { from: "defined", to: "starting" };
const RUNS = { from: "starting", to: "running", event: "started" };
const CRASH = { from: "running", to: "backingOff", event: "exit", code: 1, reason: "exited with code 1" };
const AGAIN = { from: "backingOff", to: "starting", event: "backoffOver", run: 2 };

test("a run has its begin, and the end of the one before", () => {
  expect(factsAfter(START, RUNS, CRASH, AGAIN, { ...RUNS, run: 2 })).toEqual({
    startedAt: "3",
    lastEnd: { time: "2", code: 1, signal: undefined },
  });
});

test("what was wrong with a task counts until it runs again", () => {
  expect(factsAfter(START, RUNS, CRASH).trouble).toBe("exited with code 1");
  expect(factsAfter(START, RUNS, CRASH, AGAIN).trouble).toBe("exited with code 1");
  expect(factsAfter(START, RUNS, CRASH, AGAIN, { ...RUNS, run: 2 }).trouble).toBeUndefined();
});

test.each(["stopped", "exited"])("nothing is wrong with a task that has %s after a crash", (to) => {
  expect(factsAfter(START, RUNS, CRASH, { from: "backingOff", to, event: "stop" }).trouble).toBeUndefined();
});

test("whoever starts a failed task anew gives it another chance", () => {
  const failed = { ...CRASH, to: "failed" };

  expect(factsAfter(START, RUNS, failed).trouble).toBe("exited with code 1");
  expect(factsAfter(START, RUNS, failed, { from: "failed", to: "starting", run: 2 }).trouble).toBeUndefined();
});

test("a task that waits for another is in no trouble by that", () => {
  expect(factsAfter({ from: "defined", to: "blocked", reason: "waits for b (starting)" }).trouble).toBeUndefined();
});

test("a task of a transaction that has begun again under its id is another one", () => {
  const ended = { ...CRASH, to: "failed", run: 5 };

  expect(factsAfter({ ...START, run: 5 }, ended, START)).toEqual({ startedAt: "2" });
  expect(createLastRuns().of("T1", "a")).toEqual({});
});

test("an end that an earlier provider has seen counts until a transition tells another", () => {
  const runs = createLastRuns();
  const tell = (step: Partial<Transition<string>> & { from: string; to: string }) =>
    runs.add({ ...{ transaction: "T1", task: "a", sequence: 1, event: "start", run: 4, time: "9" }, ...step });
  const known = { transaction: "T1", task: "a", run: 3, lastEnd: { time: "1", code: 3 } };

  runs.recall(known);
  tell(START);
  expect(runs.of("T1", "a")).toEqual({ startedAt: "9", lastEnd: known.lastEnd });

  tell(CRASH);
  runs.recall(known);
  expect(runs.of("T1", "a").lastEnd).toEqual({ time: "9", code: 1, signal: undefined });
});
