// A pattern that a user gives for lines of output. It is matched in time that grows with the length of the line only: a
// backtracking engine, as that of JavaScript, takes exponential time on harmless lines with some patterns.
import { createRequire } from "node:module";

export interface LinePattern {
  matches(line: string): boolean;
}

/** How many characters of a line are matched. */
const MAX_LENGTH = 4_096;

/**
 * Takes the syntax of RE2, which is that of JavaScript but for lookahead, lookbehind and backreferences.
 *
 * @throws {SyntaxError} with a clause that says what is wrong.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function compileLinePattern(pattern: string): LinePattern {
  // Loaded on demand: most context files have no pattern.
  const { RE2JS }: typeof import("re2js") = createRequire(import.meta.url)("re2js");
  const unsupported = unsupportedIn(pattern);
  if (unsupported !== undefined) throw new SyntaxError(unsupported);
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    return { matches: (line) => compiled.test(line.slice(0, MAX_LENGTH)) };
  } catch (error) {
    // "error parsing regexp: missing closing ): `up(`"
    const { message } = error as Error;
    throw new SyntaxError(message.slice(message.indexOf(": ") + 2).replaceAll("`", ""), { cause: error });
  }
}

/** Character classes and escapes, in which nothing else is looked for, and what is. */
const CONSTRUCT = /\[(?:\\.|[^\]\\])*\]|\\k<|\\.|\(\?<?[=!]/gs;

function unsupportedIn(pattern: string): string | undefined {
  for (const [found] of pattern.matchAll(CONSTRUCT)) {
    if (/^\(\?<?/.test(found)) return `${found.includes("<") ? "lookbehind" : "lookahead"} ${found} is not supported`;
    if (/^\\[1-9k]/.test(found)) return `the backreference ${found} is not supported`;
  }
  return undefined;
}
