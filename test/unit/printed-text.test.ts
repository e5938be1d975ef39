import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readableLine, withoutColours } from "../../src/printed-text.ts";

const ESC = "\u001b";

describe("of a printed line", () => {
  test.each([
    ["text is kept, tabs as well", "a\tb – データ 😀", "a\tb – データ 😀"],
    ["colours are kept", `${ESC}[1;31mred${ESC}[0m`, `${ESC}[1;31mred${ESC}[0m`],
    ["colours are kept beside erasing", `${ESC}[31m${ESC}[Kerror${ESC}[m${ESC}[K: x`, `${ESC}[31merror${ESC}[m: x`],
    ["the last state of a progress bar remains", "\r 20%\r 40%\r100%", "100%"],
    ["the last state remains, whichever end it is printed at", " 20%\r100%\r", "100%"],
    ["a shorter state leaves nothing of a longer one", "starting\rready", "ready"],
    ["the same holds for other ways to go to the beginning", `20%${ESC}[1G40%${ESC}[2K60%`, "60%"],
    ["what was erased is gone", `working${ESC}[2K`, ""],
    ["what was erased from the beginning on is gone", `working\r${ESC}[K`, ""],
    ["what a backspace takes back is gone once it is overwritten", "|\b/\b-\b", "-"],
    ["a backspace alone takes nothing away", "abc\b\b", "abc"],
    ["the cursor goes back over several", `abc${ESC}[2Dx`, "ax"],
    ["what a cleared screen had is gone", `50%${ESC}[2J${ESC}[Hcompiled`, "compiled"],
    ["a blank stands where the cursor went elsewhere", `a${ESC}[5;1Hb${ESC}[3Ac${ESC}[10Cd\u0085e\ff`, "a b c d e f"],
    [
      "a title, the clipboard, and other strings are left out",
      `a${ESC}]0;t\u0007b${ESC}]52;c;eA==${ESC}\\c${ESC}P1$r0m${ESC}\\d`,
      "abcd",
    ],
    ["a string without its end is text", `a${ESC}]0;title`, "a0;title"],
    ["modes and character sets are left out", `${ESC}[?1049h${ESC}[?25la${ESC}(Bb${ESC}=c${ESC}7`, "abc"],
    ["private sequences that end as colours do are left out", `${ESC}[>4;1ma`, "a"],
    ["sequences with an introducer of one character are left out as well", "\u009b2Ja\u009d0;t\u009cb", "ab"],
    ["a sequence without its end is left out", `a${ESC}[31`, "a"],
    ["a bell is left out", "done\u0007", "done"],
    ["other control characters are shown", "a\0b\u0001\u007f\u0080", "a\\u0000b\\u0001\\u007f\\u0080"],
    ["the colour in force stays with the last state", `${ESC}[0m${ESC}[32m10%\r20%`, `${ESC}[32m20%`],
  ])("%s", (_, printed, readable) => {
    expect(readableLine(printed)).toBe(readable);
  });
});

const anything = fc.string({
  unit: fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(ESC, `${ESC}[`, `${ESC}[3`, "\u009b", `${ESC}]0;`, "m", "H", "J", "\u0007", "\b", "\r", "a"),
  ),
});

test("a readable line has no control characters but tabs and those of its colours", () => {
  fc.assert(
    fc.property(anything, (printed) => {
      expect(withoutColours(readableLine(printed))).not.toMatch(/[^\P{Cc}\t]/u);
    }),
    { numRuns: 5_000 },
  );
});

test("a readable line stays as it is", () => {
  fc.assert(
    fc.property(anything, (printed) => {
      const readable = readableLine(printed);

      expect(readableLine(readable)).toBe(readable);
    }),
  );
});
