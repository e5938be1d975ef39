import { describe, expect, test } from "vitest";
import { readJson } from "../../../tools/json-input.ts";

function complaintAbout(text: string): string {
  try {
    readJson(text, "--content", "context-bus");
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${text} was read`);
}

describe("JSON that is typed", () => {
  test("is read as it is", () => {
    expect(readJson('{"a": [1, null]}', "--content", "context-bus")).toEqual({ a: [1, null] });
  });

  test.each([
    ["", "nothing"],
    [" \n", "nothing"],
    ["{'a': 1}", `"'a': 1}" at line 1, column 2`],
    ["{a: 1}", '"a: 1}" at line 1, column 2'],
    ['{"a": 1,}', '"}" at line 1, column 9'],
    ['{"a": tru}', '"}" at line 1, column 10'],
    ['{"a": xyz, "b": "a long text goes on"}', '"xyz, \\"b\\": \\"a long te"… at line 1, column 7'],
    ["[\n  1,\n  2 3]", '"3]" at line 3, column 5'],
    ["hello", '"hello" at line 1, column 1'],
    ["{", "the end of the text at line 1, column 2"],
    ["[1, 2", "the end of the text at line 1, column 6"],
    ['{"a": "b', "the end of the text at line 1, column 9"],
    ["{} {}", '"{}" at line 1, column 4'],
    [`${"[".repeat(3)}x${" ".repeat(100)}`, `"x${" ".repeat(19)}"… at line 1, column 4`],
  ])("%j is refused, with what stands where", (text, fault) => {
    expect(complaintAbout(text)).toBe(`--content: expected JSON, got ${fault}`);
  });
});
