// Splits a command line into words as a shell does, without expanding anything, and quotes words so that they are read back
// exactly. Pure.
import { quote } from "./xml/problems.ts";

/** The longest argument that Linux takes, and the longest variable with its name. */
export const MAX_WORD_BYTES = 128 * 1024 - 1;

/** Completes "expected" for a word that is too long; undefined for others. */
export function faultOfLength(word: string): string | undefined {
  const bytes = Buffer.byteLength(word);
  return bytes > MAX_WORD_BYTES ? `at most ${MAX_WORD_BYTES} bytes, got ${bytes}` : undefined;
}

/** The words of a line. Where it ends inside a quoted word, `fault` completes "expected". */
export interface Line {
  words: string[];
  fault?: string;
}

/** The characters that a backslash quotes between double quotes; before any other it is literal. */
const QUOTABLE = '"\\$`';

/**
 * Splits at white space; `'…'`, `"…"` and `\` quote. Nothing else is special.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html, "Quoting"
 */
export function splitWords(line: string): Line {
  const words: string[] = [];
  let word: string | undefined;
  let mark = ""; // the quote that is open
  let markedFrom = 0;
  let isEscaped = false;
  let index = 0;
  for (const char of line) {
    if (isEscaped) {
      isEscaped = false;
      const keepsBackslash = mark !== "" && !QUOTABLE.includes(char);
      // A backslash at the end of a line joins it with the next.
      if (char !== "\n") word = `${word ?? ""}${keepsBackslash ? "\\" : ""}${char}`;
    } else if (char === "\\" && mark !== "'") isEscaped = true;
    else if (char === mark) mark = "";
    else if (mark === "" && (char === "'" || char === '"')) {
      mark = char;
      markedFrom = index;
      word ??= "";
    } else if (mark === "" && " \t\r\n".includes(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
    index += char.length;
  }
  if (word !== undefined) words.push(word);
  if (mark !== "") return { words, fault: `a closing ${mark}, got ${quote(line.slice(markedFrom))}` };
  if (isEscaped) return { words, fault: `a character behind the last \\, got ${quote(line.slice(-20))}` };
  return { words };
}

/** The opposite of `splitWords` for one word. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
