import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLineSplitter, MAX_LINE_LENGTH } from "../../../src/protocol/lines.ts";

/** The lines of a text that comes in these chunks. */
function linesOf(chunks: readonly string[], maxLength?: number): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line), maxLength);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

/** A text, and the same in chunks. */
function textInChunks(unit: fc.Arbitrary<string>): fc.Arbitrary<{ text: string; chunks: string[] }> {
  return fc
    .array(fc.string({ unit, maxLength: 12 }), { maxLength: 12 })
    .map((chunks) => ({ text: chunks.join(""), chunks }));
}

describe("lines", () => {
  test("come without their ends", () => {
    expect(linesOf(["one\ntwo\r\nthree\n"])).toEqual(["one", "two", "three"]);
  });

  test("come as soon as they are whole", () => {
    const lines: string[] = [];
    const { push } = createLineSplitter((line) => lines.push(line));

    push("one\ntw");
    expect(lines).toEqual(["one"]);
    push("o\n");
    expect(lines).toEqual(["one", "two"]);
  });

  test("may be empty", () => {
    expect(linesOf(["\n\r\n\n"])).toEqual(["", "", ""]);
  });

  test("need an end, but for the last one", () => {
    expect(linesOf(["one\ntwo"])).toEqual(["one", "two"]);
    expect(linesOf(["one\n"])).toEqual(["one"]);
    expect(linesOf([])).toEqual([]);
    expect(linesOf([""])).toEqual([]);
  });

  test("end with the pair also where it comes in two chunks", () => {
    expect(linesOf(["one\r", "\ntwo"])).toEqual(["one", "two"]);
  });

  test("keep a carriage return that ends nothing", () => {
    expect(linesOf(["10 %\r20 %\n", "x\r"])).toEqual(["10 %\r20 %", "x\r"]);
  });

  test("are the same, whatever the chunks", () => {
    const unit = fc.constantFrom("a", "\n", "\r", "\r\n", "é", "😀", " ");

    fc.assert(
      fc.property(textInChunks(unit), ({ text, chunks }) => {
        const expected = text.split(/\r?\n/);
        if (expected.at(-1) === "") expected.pop();

        expect(linesOf(chunks)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a line that is too long", () => {
  test("is cut into pieces of the greatest length", () => {
    expect(linesOf(["abcdefghij\nk\n"], 4)).toEqual(["abcd", "efgh", "ij", "k"]);
    expect(linesOf(["abcdefgh\n"], 4)).toEqual(["abcd", "efgh"]);
  });

  test("is whole at exactly the greatest length", () => {
    expect(linesOf(["abcd\n"], 4)).toEqual(["abcd"]);
    expect(linesOf(["ab", "cd", "\n"], 4)).toEqual(["abcd"]);
  });

  test("is cut before its end has come", () => {
    const lines: string[] = [];
    const { push } = createLineSplitter((line) => lines.push(line), 4);

    push("abcde");

    expect(lines).toEqual(["abcd"]);
  });

  test("is cut at its end, too, where that never comes", () => {
    expect(linesOf(["abcdefghij"], 4)).toEqual(["abcd", "efgh", "ij"]);
  });

  test("is one of more than 64 KiB of characters, when nothing else was said", () => {
    expect(linesOf([`${"x".repeat(MAX_LINE_LENGTH)}\n`])).toHaveLength(1);
    expect(linesOf([`${"x".repeat(MAX_LINE_LENGTH + 1)}\n`]).map(({ length }) => length)).toEqual([65_536, 1]);
  });

  test("is cut alike, whatever the chunks, and nothing is lost", () => {
    const unit = fc.constantFrom("a", "b", "c", "\n", "\r\n");

    fc.assert(
      fc.property(textInChunks(unit), fc.integer({ min: 1, max: 6 }), ({ text, chunks }, maxLength) => {
        const lines = linesOf(chunks, maxLength);

        expect(lines).toEqual(linesOf([text], maxLength));
        expect(lines.join("")).toBe(text.replaceAll(/\r?\n/g, ""));
        expect(lines.every(({ length }) => length <= maxLength)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
