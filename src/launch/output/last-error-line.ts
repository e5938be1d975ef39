// Picks the line of a process's output that most likely says why the process ended. It becomes part of the reason that
// users are shown. Pure.

/** The line, as far as the output has been added. */
export interface LastErrorLine {
  add(line: string): void;
  /** Cut to 200 characters; undefined while nothing was printed. */
  readonly line: string | undefined;
}

const MAX_LENGTH = 200;
/** A line that begins with an error's name, as most languages print it: `OSError: …`, `Error [ERR_X]: …`, `sh: 1: error: …`. */
const NAMES_AN_ERROR = /^([\w.]+: )*([\w.$]*(Error|Exception)( \[\w+\])?|error|fatal|panic): /i;

/**
 * For one run. A line that names an error is preferred to the last line: Python prints the error last, but Node prints its
 * version after it.
 */
export function createLastErrorLine(): LastErrorLine {
  let last: string | undefined;
  let named: string | undefined;
  return {
    add(text) {
      const line = text.trim();
      if (line === "") return;
      last = line;
      if (NAMES_AN_ERROR.test(line)) named = line;
    },
    get line() {
      return (named ?? last)?.slice(0, MAX_LENGTH);
    },
  };
}
