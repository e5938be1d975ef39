// Whether a line matches a pattern of the user's, in bounded time: some patterns take longer than anybody waits, on lines
// that look harmless, and nothing else could happen meanwhile.
import { createContext, Script } from "node:vm";

/** So much of a line is looked at, in characters; the time that many a usual pattern takes grows with its square. */
const MAX_LENGTH = 4_096;
/** How long one line may take, in milliseconds. */
const LIMIT_MS = 20;
/** How often a line is tried whose time has gone to others. */
const MAX_TRIES = 5;

export interface Matcher {
  /** What takes too long does not match. */
  matches(line: string): boolean;
}

/** @param onSlow - Called with the first line that takes too long, in a clause. */
export function createMatcher(expected: RegExp, onSlow: (fault: string) => void): Matcher {
  let isTold = false;

  function tell(): void {
    if (!isTold) onSlow(`the pattern takes more than ${LIMIT_MS} ms on a line, which counts as no match`);
    isTold = true;
  }

  return {
    matches(line) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const before = process.cpuUsage();
        const answer = attempt(expected, line.slice(0, MAX_LENGTH));
        if (answer !== undefined) return answer;
        // The limit is one of the clock: on a machine that is busy, all of it may have been somebody else's.
        const { user, system } = process.cpuUsage(before);
        if ((user + system) / 1_000 >= LIMIT_MS / 2) break;
      }
      tell();
      return false;
    },
  };
}

/** Only what runs as a script of its own can be interrupted. */
const script = new Script("expected.test(line)");
let sandbox: { expected: RegExp; line: string } | undefined;

function attempt(expected: RegExp, line: string): boolean | undefined {
  sandbox ??= createContext({ expected, line }) as NonNullable<typeof sandbox>;
  Object.assign(sandbox, { expected, line });
  try {
    return script.runInContext(sandbox, { timeout: LIMIT_MS });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    return undefined;
  } finally {
    sandbox.line = "";
  }
}
