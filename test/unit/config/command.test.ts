import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quoteWord, splitWords } from "../../../src/config/command.ts";

describe("a line is split into words as a shell does", () => {
  const lines: [what: string, line: string, words: string[]][] = [
    ["at white space of any kind", " python3\ta.py \r\n -v ", ["python3", "a.py", "-v"]],
    ["into none where it is blank", " \n\t", []],
    ["but not within single quotes, where nothing is special", `'a b' 'c\\"$d'`, ["a b", `c\\"$d`]],
    ["but not within double quotes", `"a  b" "it's"`, ["a  b", "it's"]],
    ["but not at white space behind a backslash", "a\\ b \\\tc", ["a b", "\tc"]],
    ["where quoted parts of a word are one word", `a'b c'"d e"\\ f`, ["ab cd e f"]],
    ["where two quotes around nothing are an empty word", `'' "" a''`, ["", "", "a"]],
    ["where a backslash quotes quotes", `\\' \\" \\\\`, ["'", '"', "\\"]],
    [
      "where a backslash between double quotes quotes what is special to a shell",
      '"\\" \\\\ \\$a \\`b"',
      ['" \\ $a `b'],
    ],
    ["where a backslash between double quotes is itself before anything else", '"\\n \\a"', ["\\n \\a"]],
    ["where a line goes on behind a backslash", 'a \\\n b "c\\\nd"', ["a", "b", "cd"]],
    [
      "with nothing expanded",
      "echo $HOME ~ * | > < & ; #1 `id` $(id) {a,b}",
      "echo $HOME ~ * | > < & ; #1 `id` $(id) {a,b}".split(" "),
    ],
    ["with white space of other scripts as letters", "a\u00a0b\u2003c", ["a\u00a0b\u2003c"]],
    ["by characters, also beyond the first 65,536", "𝄞 'ü 𝄞'", ["𝄞", "ü 𝄞"]],
  ];

  test.each(lines)("%s", (_, line, words) => {
    expect(splitWords(line)).toEqual({ words });
  });

  const faults: [what: string, line: string, fault: string][] = [
    ["a single quote", "echo 'it is", `a closing ', got "'it is"`],
    ["a double quote", `echo "a" "it's`, `a closing ", got "\\"it's"`],
    ["a double quote whose end is quoted", `"a\\"`, `a closing ", got "\\"a\\\\\\""`],
    ["a quote behind a character of two units", "𝄞 'a", `a closing ', got "'a"`],
    ["a backslash", "echo \\", `a character behind the last \\, got "echo \\\\"`],
  ];

  test.each(faults)("and breaks off within %s", (_, line, fault) => {
    expect(splitWords(line).fault).toBe(fault);
  });

  test("however long it is", () => {
    const line = `"${'\\"x'.repeat(200_000)}"`;

    expect(splitWords(line).words[0]).toBe('"x'.repeat(200_000));
  });
});

test("a quoted word reads back as it was, beside whatever else", () => {
  const word = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: fc.constantFrom(..."'\"\\ $a\n\t") }));

  fc.assert(
    fc.property(fc.array(word), (words) => {
      expect(splitWords(words.map(quoteWord).join(" "))).toEqual({ words });
    }),
    { numRuns: 2_000 },
  );
});

test("a plain word needs no quotes", () => {
  expect(["python3", "./a-b_c.py", "--x=1:2,3@4%5+6"].filter((word) => quoteWord(word) !== word)).toEqual([]);
  expect(quoteWord("it's")).toBe(`'it'\\''s'`);
});
