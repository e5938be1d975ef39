import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { LogFields } from "../../../src/log.ts";
import { formatLine } from "../../../tools/log.ts";

/** A line of the log without its time and colours. */
function shown(fields: LogFields, phrase = "phrase"): string {
  return stripVTControlCharacters(formatLine("12:04:31.207", "info", fields, phrase)).slice("12:04:31.207  ".length);
}

describe("a line of the log", () => {
  test("has the task, the phrase, and the facts", () => {
    expect(shown({ task: "ts_1", pid: 4312, reason: "exit code 1", none: undefined })).toBe(
      'ts_1      phrase       pid=4312 reason="exit code 1"',
    );
  });

  test("names each process of a list", () => {
    const survivors = [
      { pid: 301, name: "sleep", reason: "not permitted" },
      { pid: 302, name: "データ", reason: "still there" },
    ];

    expect(shown({ survivors })).toBe(
      'context   phrase       survivors="sleep 301 reason=not permitted, データ 302 reason=still there"',
    );
  });

  test("has anything else that has fields as JSON, alone and in a list", () => {
    expect(shown({ one: { a: 1 }, list: [{ a: 1 }, { b: null }], words: ["a", "b"] })).toBe(
      String.raw`context   phrase       one="{\"a\":1}" list="{\"a\":1}, {\"b\":null}" words="a, b"`,
    );
  });

  test("has what a task has printed without colours where it is not shown on a terminal", () => {
    expect(
      formatLine("12:04:31.207", "info", { task: "ts_1", stream: "stdout", line: "\u001b[31mred" }, "output"),
    ).toMatch(/^[\d:.]{12} {2}ts_1 {6}\| red$/);
  });
});
