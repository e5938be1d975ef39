import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPrintedLines, type PrintedLine } from "../../../src/protocol/printed-lines.ts";

const PART = Symbol("the time to hand on a part of a line");

/** What is handed on of text that comes in these chunks. */
function printed(chunks: readonly (string | typeof PART)[], maxLength = 1_000): PrintedLine[] {
  const told: PrintedLine[] = [];
  const lines = createPrintedLines((line) => told.push(line), maxLength);
  for (const chunk of chunks) {
    if (chunk === PART) lines.passPart();
    else lines.push(chunk);
  }
  lines.end();
  return told;
}

const linesOf = (...given: Parameters<typeof printed>) => printed(...given).map(({ line }) => line);
const wholesOf = (...given: Parameters<typeof printed>) => printed(...given).map(({ whole }) => whole);

describe("printed lines", () => {
  test("come without their ends, also where a chunk ends within one", () => {
    expect(linesOf(["one\ntwo\r\nthr", "ee\r", "\n\n", "last"])).toEqual(["one", "two", "three", "", "last"]);
  });

  test("are readable", () => {
    expect(linesOf(["\r 20%", "\r100%\n\u001b[2Jdone\n"])).toEqual(["100%", "done"]);
  });

  test("keep their colours, which are no part of what a pattern is matched with", () => {
    expect(printed(["\u001b[32mready\u001b[0m\n"])).toEqual([{ line: "\u001b[32mready\u001b[0m", whole: "ready" }]);
  });

  test("are the same, whatever the chunks", () => {
    const unit = fc.constantFrom("a", "b", "\n", "\r\n", "é", "😀", " ", "\u001b[31m", "\r");
    const chunks = fc.array(fc.string({ unit, maxLength: 12 }), { maxLength: 12 });

    fc.assert(
      fc.property(chunks, (chunks) => {
        expect(printed(chunks)).toEqual(printed([chunks.join("")]));
      }),
      { numRuns: 700 },
    );
  });
});

describe("a part of a line", () => {
  test("is handed on once, and what follows is added to it", () => {
    const told = printed(["connecting… ", PART, PART, "ok\n", "next\n"]);

    expect(told).toEqual([
      { line: "connecting… ", whole: "connecting… ", isPart: true },
      { line: "ok", whole: "connecting… ok", continues: true },
      { line: "next", whole: "next" },
    ]);
  });

  test("whose line end follows alone has been all of it", () => {
    expect(linesOf(["> ", PART, "\r\n", "next\n"])).toEqual(["> ", "next"]);
    expect(linesOf(["> ", PART])).toEqual(["> "]);
  });

  test("that is overwritten later is no part of what follows", () => {
    expect(wholesOf(["\r 20%", PART, "\r 40%", PART, "\rsaved\n"])).toEqual([" 20%", " 40%", "saved"]);
  });

  test("ends before a control sequence that is not complete", () => {
    expect(linesOf(["a\u001b[3", PART, "1mb\n"])).toEqual(["a", "\u001b[31mb"]);
    expect(linesOf(["\u001b[3", PART, "1mb\n"])).toEqual(["\u001b[31mb"]);
  });

  test("is none where all has been handed on", () => {
    const lines = createPrintedLines(() => {}, 10);
    const has: boolean[] = [];
    for (const chunk of ["a", "b\n", "c"]) {
      lines.push(chunk);
      has.push(lines.hasPart);
    }
    lines.passPart();

    expect([...has, lines.hasPart]).toEqual([true, false, true, false]);
  });
});

describe("a line that is too long", () => {
  test("is cut into pieces of the greatest length", () => {
    expect(linesOf(["abcdefghij\nk\n"], 4)).toEqual(["abcd", "efgh", "ij", "k"]);
  });

  test("is cut between two characters, whatever they are made of", () => {
    expect(linesOf(["abc😀d"], 4)).toEqual(["abc", "😀d"]);
    expect(linesOf(["ab👍🏽c"], 4)).toEqual(["ab", "👍🏽", "c"]);
    expect(linesOf(["abce\u0301f"], 4)).toEqual(["abc", "e\u0301f"]);
  });

  test("is cut between two control sequences", () => {
    expect(linesOf(["abcdef\u001b[31mg\n"], 8)).toEqual(["abcdef", "\u001b[31mg"]);
  });

  test("is cut between two states of a progress bar", () => {
    expect(linesOf(["10%\r20%\r30%\n"], 10)).toEqual(["20%", "30%"]);
  });

  test("is cut alike, whatever the chunks, and nothing of it is lost", () => {
    const unit = fc.constantFrom("a", "b", "😀", "é", "\n");
    const chunks = fc.array(fc.string({ unit, maxLength: 12 }), { maxLength: 12 });

    fc.assert(
      fc.property(chunks, fc.integer({ min: 2, max: 9 }), (chunks, maxLength) => {
        const lines = linesOf(chunks, maxLength);

        expect(lines).toEqual(linesOf([chunks.join("")], maxLength));
        expect(lines.join("")).toBe(chunks.join("").replaceAll("\n", ""));
        expect(lines.every((line) => line.length <= maxLength && !/\p{Cs}/u.test(line))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
