import { describe, expect, test } from "vitest";
import type { MovedFact } from "../../../../src/explain/facts.ts";
import { type TellOptions, tellWhy, type Why } from "../../../../tools/kept/why.ts";
import { wrapped } from "../../../../tools/kept/wrapping.ts";

const TIME = "2026-01-31T12:00:00.000Z";

const END: MovedFact = {
  ...{ kind: "moved", transaction: "T1", task: "billing", sequence: 1, time: TIME, from: "running", to: "backingOff" },
  ...{ event: "exit", run: 2, pid: 9456, signal: "SIGKILL", oom: "machine", delayMs: 1_900 },
  restarts: { counted: 2, most: 5, periodMs: 60_000 },
};
const WHY: Why = {
  story: {
    ...{ task: "billing", transaction: "T1", state: "backingOff", since: TIME, reason: "it was ended by SIGKILL" },
    ...{ run: 2, pid: 9456, restarts: END.restarts, next: "2026-01-31T12:00:01.900Z", isLost: false, chain: [END] },
  },
  stderr: [
    ...[{ time: TIME, task: "billing", transaction: "T1", run: 2, stream: "stderr" as const, line: "x ".repeat(80) }],
  ],
};

/** The lines as a terminal of that width has them, without those that the task has printed. */
function linesIn(columns: number, options: Partial<TellOptions> = {}): string[] {
  const told = tellWhy(WHY, { nowMs: Date.parse(TIME) + 800, columns, hasHeadings: true, ...options });
  return told.map(({ stamp, text }) => stamp + text).filter((line) => !line.includes("! x"));
}

describe("why a task stands where it does", () => {
  test.each([20, 48, 80, 200])("is told in lines that fit into %i columns", (columns) => {
    const lines = linesIn(columns);

    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(lines.length).toBeGreaterThan(4);
  });

  test("has sentences go on below their beginning, beside the time", () => {
    const [first, second] = linesIn(80).filter((line) => /^(\d\d:|\s+\S)/.test(line));

    expect(first).toMatch(/^\d\d:00:00\.000 {2}billing came to an end, /);
    expect(second).toMatch(/^ {14}\S/);
  });

  test("says the same in any width", () => {
    const words = (columns: number) => linesIn(columns).join(" ").split(/\s+/).sort();

    expect(words(80)).toEqual(words(Number.POSITIVE_INFINITY));
  });

  test("keeps what the task has printed as it is", () => {
    const told = tellWhy(WHY, { nowMs: 0, columns: 80, hasHeadings: false });

    expect(told.at(-1)?.text).toBe(`  ! ${"x ".repeat(80)}`);
  });
});

describe("text that is broken into lines", () => {
  test.each<[string, number, string[]]>([
    ["one two three", 7, ["one two", "three"]],
    ["one two three", 6, ["one", "two", "three"]],
    ["one indivisible two", 5, ["one", "indivisible", "two"]],
    ["", 5, [""]],
    ["one two", Number.POSITIVE_INFINITY, ["one two"]],
  ])("%j fits into %i columns as far as its words allow", (text, columns, lines) => {
    expect(wrapped(text, columns)).toEqual(lines);
  });
});
