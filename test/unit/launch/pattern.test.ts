import { describe, expect, test } from "vitest";
import { createMatcher } from "../../../src/launch/pattern.ts";

/** Whether each line matches, and what was told meanwhile. */
function match(expected: RegExp, ...lines: string[]): { matches: boolean[]; told: string[] } {
  const told: string[] = [];
  const matcher = createMatcher(expected, (fault) => told.push(fault));
  return { matches: lines.map(matcher.matches), told };
}

describe("a pattern", () => {
  test("matches as it does anywhere else", () => {
    expect(match(/^listening on \d+$/, "listening on 80", "listening", "not listening on 80")).toEqual({
      matches: [true, false, false],
      told: [],
    });
  });

  test("that goes back and forth without end does not match, and says so once", () => {
    const line = `${"a".repeat(40)}!`;

    expect(match(/(a+)+$/, line, line, "aaa")).toEqual({
      matches: [false, false, true],
      told: ["the pattern takes more than 20 ms on a line, which counts as no match"],
    });
  });

  test("is looked for in the first 4096 characters of a line", () => {
    const at = (start: number) => `${"x".repeat(start)}ready`;

    expect(match(/ready/, at(4_091), at(4_092)).matches).toEqual([true, false]);
  });
});
