import { describe, expect, test } from "vitest";
import { compileLinePattern } from "../../src/line-pattern.ts";

function matching(pattern: string, ...lines: string[]): string[] {
  const { matches } = compileLinePattern(pattern);
  return lines.filter(matches);
}

describe("a pattern for lines", () => {
  test("matches anywhere in a line, unless it is anchored", () => {
    expect(matching("ready", "ready", "now ready!", "Ready")).toEqual(["ready", "now ready!"]);
    expect(matching("^listening on \\d+$", "listening on 80", "not listening on 80")).toEqual(["listening on 80"]);
  });

  test("takes what JavaScript writes in its own way", () => {
    expect(matching("\\u0041/(?<word>B)", "A/B")).toEqual(["A/B"]);
    expect(matching("^[^]\\/[\\w-.]$", "?/.")).toEqual(["?/."]);
  });

  test("sees a character where JavaScript has two units", () => {
    expect(matching("^.$", "😀", "ab")).toEqual(["😀"]);
  });

  test("takes no more time on a line where others go back and forth without end", () => {
    expect(matching("^(a+)+$", `${"a".repeat(4_000)}!`, "aaa")).toEqual(["aaa"]);
  });

  test("is looked for in the first 4096 characters of a line", () => {
    const at = (start: number) => `${"x".repeat(start)}ready`;

    expect(matching("ready", at(4_091), at(4_092))).toEqual([at(4_091)]);
  });
});

test.each([
  ["a lookahead", "up(?=!)", "lookahead (?= is not supported"],
  ["a negative lookahead", "(?!not )ready", "lookahead (?! is not supported"],
  ["a lookbehind", "(?<=is )ready", "lookbehind (?<= is not supported"],
  ["a negative lookbehind", "(?<!not )ready", "lookbehind (?<! is not supported"],
  ["a backreference", "(a)\\1", "the backreference \\1 is not supported"],
  ["a backreference by name", "(?<a>a)\\k<a>", "the backreference \\k< is not supported"],
  ["a group without its end", "up(", "missing closing ): up("],
  ["nothing to repeat", "*", "missing argument to repetition operator: *"],
])("a pattern with %s is refused, and says why", (_, pattern, fault) => {
  expect(() => compileLinePattern(pattern)).toThrow(new SyntaxError(fault));
});

test.each(["[(?=]", "\\(?=", "[\\]\\\\1]", "\\\\1"])(
  "a pattern that only looks like one of them is taken: %s",
  (pattern) => {
    expect(() => compileLinePattern(pattern)).not.toThrow();
  },
);
