import { describe, expect, test } from "vitest";
import { createWholeLines } from "../../../src/logs/whole-lines.ts";
import { createPrintedLines } from "../../../src/protocol/printed-lines.ts";

/** Passes on what was printed so far, as after a silence. */
const PART = Symbol("part");

/** The lines of a log that a stream leads to, each with the step that it came with first. */
function logged(...steps: readonly (string | typeof PART)[]): string[] {
  const whole = createWholeLines<number>();
  const lines: string[] = [];
  let step = 0;
  const note = ({ printed, about }: ReturnType<typeof whole.add>[number]) => lines.push(`${about} ${printed.whole}`);
  const printed = createPrintedLines((line) => void whole.add("out", line, step).forEach(note), 10);
  for (const [index, each] of steps.entries()) {
    step = index;
    if (each === PART) printed.passPart();
    else printed.push(each);
  }
  printed.end();
  whole.end("out").forEach(note);
  return lines;
}

describe("a log", () => {
  test("has each line once and as a whole, with the time of its beginning", () => {
    expect(logged("a", PART, "b", PART, "c\n", "d\n")).toEqual(["1 abc", "5 d"]);
  });

  test("has a line that ends without more text than was known, and the next", () => {
    expect(logged("name? ", PART, "\n", "next\n")).toEqual(["1 name? ", "3 next"]);
  });

  test("has what stands without an end when the stream ends", () => {
    expect(logged("one\nname? ", PART)).toEqual(["0 one", "1 name? "]);
    expect(logged("tail")).toEqual(["0 tail"]);
  });

  test("has an empty line behind a part", () => {
    expect(logged("a", PART, "\n\nb\n")).toEqual(["1 a", "2 ", "2 b"]);
  });

  test("has a line that is too long in pieces, and loses nothing of it", () => {
    expect(
      logged("0123456", PART, "789abcdef\n")
        .map((line) => line.slice(2))
        .join(""),
    ).toBe("0123456789abcdef");
  });

  test("keeps the streams apart", () => {
    const whole = createWholeLines<string>();

    expect(whole.add("out", { line: "a", whole: "a", isPart: true }, "out")).toEqual([]);
    expect(whole.add("err", { line: "x", whole: "x" }, "err").map(({ printed }) => printed.whole)).toEqual(["x"]);
    expect(whole.end("out", "err").map(({ printed }) => printed.whole)).toEqual(["a"]);
    expect(whole.end("out", "err")).toEqual([]);
  });
});
