import { describe, expect, test } from "vitest";
import type { MovedFact } from "../../../../src/explain/facts.ts";
import type { Story } from "../../../../src/explain/story.ts";
import { headline, howLong, outlook, sentenceOf } from "../../../../tools/kept/sentences.ts";

const TIME = "2026-01-31T12:00:00.000Z";
const NOW_MS = Date.parse(TIME) + 3_000;

const END: MovedFact = {
  ...{ kind: "moved", transaction: "T1", task: "ts_1", sequence: 1, time: TIME },
  ...{ from: "running", to: "failed", event: "exit", run: 2, pid: 7 },
};
const STORY: Story = {
  ...{ task: "ts_1", transaction: "T1", state: "failed", since: TIME, reason: "no bus", run: 2, pid: 7 },
  ...{ restarts: undefined, next: undefined, isLost: false, chain: [] },
};

describe("the end of a process", () => {
  test.each<[string, Partial<MovedFact>, string]>([
    ["a code", { code: 3 }, "ended with code 3;"],
    ["the code of a shell", { code: 127 }, "ended with code 127 (a command was not found);"],
    ["a signal", { signal: "SIGSEGV" }, "was ended by SIGSEGV (a segmentation fault);"],
    ["a signal that says nothing more", { signal: "SIGTERM" }, "was ended by SIGTERM;"],
    [
      "the kernel",
      { signal: "SIGKILL", oom: "group" },
      "SIGKILL, of the kernel's OOM killer: its control group had no memory left;",
    ],
    ["probably the kernel", { signal: "SIGKILL", oom: "machine" }, "SIGKILL, probably of the kernel's OOM killer"],
    [
      "a stop that took long",
      { signal: "SIGKILL", escalated: true },
      "had not stopped within its grace period, and got SIGKILL",
    ],
    [
      "others",
      { code: 0, killed: [{ pid: 9, name: "sleep", signal: "SIGTERM" }] },
      "left behind and ended: sleep 9 SIGTERM",
    ],
    [
      "no more restarts",
      { code: 1, refusal: "max_restarts is 0" },
      "it has failed, and is not restarted: max_restarts is 0",
    ],
    [
      "a restart",
      { code: 1, to: "backingOff", delayMs: 500, restarts: { counted: 1, most: 5, periodMs: 60_000 } },
      "it was to be restarted in 0.5 s, restart 1 of 5 within 60 s",
    ],
    [
      "a spawn that failed",
      { event: "spawnFailed", reason: "no such program" },
      "could not be started: no such program",
    ],
  ])("is told with %s", (_, more, expected) => {
    expect(sentenceOf({ ...END, ...more })).toContain(expected);
  });
});

describe("how a task stands", () => {
  test("is told in one sentence", () => {
    expect(headline(STORY, NOW_MS)).toBe("ts_1 has failed (transaction T1, run 2, pid 7; since 3.0 s): no bus");
    expect(headline({ ...STORY, state: "backingOff", pid: undefined, reason: undefined }, NOW_MS)).toBe(
      "ts_1 is backing off (transaction T1, run 2; since 3.0 s)",
    );
    expect(headline({ ...STORY, state: "running", isLost: true, reason: undefined }, NOW_MS)).toMatch(
      /^ts_1 was running when its provider went without a word /,
    );
  });

  test("is followed by what comes next", () => {
    const next = new Date(NOW_MS + 4_200).toISOString();
    const restarts = { counted: 2, most: 5, periodMs: 60_000 };

    expect(outlook({ ...STORY, state: "backingOff", next, restarts }, NOW_MS)).toBe(
      "next try in 4.2 s, restart 2 of 5 within 60 s",
    );
    expect(outlook(STORY, NOW_MS)).toMatch(/^no restart follows by itself/);
    expect(outlook({ ...STORY, state: "running" }, NOW_MS)).toBeUndefined();
  });
});

test.each([
  [540, "0.5 s"],
  [42_000, "42 s"],
  [600_000, "10 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
  [-5, "0.0 s"],
])("%d ms are %s", (ms, text) => {
  expect(howLong(ms)).toBe(text);
});
