// What a process said on stderr that may tell why it ended, for the reason that people are shown. Pure.

/** Keeps what may be the cause of an end, of all the lines that a process prints. */
export interface LastWords {
  add(line: string): void;
  /** One line, cut; undefined where there was none. */
  readonly line: string | undefined;
}

const MAX_LENGTH = 200;
/** Names an error, as most languages do at the beginning of a line: `OSError: …`, `Error [ERR_X]: …`, `sh: 1: error: …`. */
const NAMES_AN_ERROR = /^([\w.]+: )*([\w.$]*(Error|Exception)( \[\w+\])?|error|fatal|panic): /i;

/** Of one run. Node prints its version after the error it dies of, and Python the error last: a named one counts more. */
export function keepLastWords(): LastWords {
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
