import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/json.ts";
import { createPrintedLines, type PrintedLine } from "../../../src/protocol/printed-lines.ts";
import { SAID_LEVELS, sayWith } from "../../../src/protocol/said.ts";

function printed(text: string): PrintedLine[] {
  const lines: PrintedLine[] = [];
  createPrintedLines((line) => lines.push(line), 64 * 1024).push(`${text}\n`);
  return lines;
}

describe("a line that a task logs", () => {
  test("keeps its level and its fields, and is read as if there were none", () => {
    expect(printed(sayWith("order 7 paid", { level: "warn", fields: { order: 7, of: "ada" } }))).toEqual([
      { line: "order 7 paid", whole: "order 7 paid", level: "warn", fields: { order: 7, of: "ada" } },
    ]);
  });

  test("has its level in each of several lines, and its fields in the first", () => {
    expect(printed(sayWith("Error: no\n    at here", { level: "error", fields: { code: 3 } }))).toMatchObject([
      { whole: "Error: no", level: "error", fields: { code: 3 } },
      { whole: "    at here", level: "error" },
    ]);
  });

  test("keeps any fields that JSON can say", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SAID_LEVELS), fc.dictionary(fc.string(), fc.jsonValue()), (level, fields) => {
        fc.pre(Object.keys(fields).length > 0 && !Object.hasOwn(fields, "__proto__"));
        const kept = JSON.parse(JSON.stringify(fields)) as { [name: string]: Json };

        expect(printed(sayWith("text", { level, fields }))).toEqual([
          { line: "text", whole: "text", level, fields: kept },
        ]);
      }),
    );
  });

  test("is worth more than fields that are too long, or no JSON", () => {
    const cycle: { [name: string]: unknown } = {};
    cycle.self = cycle;

    for (const fields of [cycle, { n: 1n }, { long: "x".repeat(100_000) }])
      expect(printed(sayWith("text", { level: "info", fields }))).toMatchObject([
        { whole: "text", level: "info", fields: { fields_left_out: expect.any(String) } },
      ]);
  });

  test.each([
    '\u{1b}_zcontext {"level":"loud"}\u{1b}\\text',
    "\u{1b}_zcontext [\u{1b}\\text",
    '\u{1b}_other {"level":"warn"}\u{1b}\\text',
  ])("has no level that %j would give it", (text) => {
    expect(printed(text)).toEqual([{ line: "text", whole: "text" }]);
  });
});
