// Matches a line against a user's pattern in bounded time. Some patterns take exponential time on harmless lines, and the
// event loop would stand still meanwhile.
import { createContext, Script } from "node:vm";

/** How many characters of a line are matched; common patterns take time that grows with the square of the length. */
const MAX_LENGTH = 4_096;
/** How long one line may take, in milliseconds. */
const LIMIT_MS = 20;
/** How often a line is tried again when other processes had the CPU during the attempt. */
const MAX_TRIES = 5;

export interface Matcher {
  /** A line that takes too long does not match. */
  matches(line: string): boolean;
}

/** @param onSlow - Called for the first line that takes too long, with a clause for a message. */
export function createMatcher(expected: RegExp, onSlow: (fault: string) => void): Matcher {
  let isReported = false;

  function report(): void {
    if (!isReported) onSlow(`the pattern takes more than ${LIMIT_MS} ms on a line, which counts as no match`);
    isReported = true;
  }

  return {
    matches(line) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const before = process.cpuUsage();
        const answer = attempt(expected, line.slice(0, MAX_LENGTH));
        if (answer !== undefined) return answer;
        // The limit is wall time, which on a busy machine may have gone to other processes.
        const { user, system } = process.cpuUsage(before);
        if ((user + system) / 1_000 >= LIMIT_MS / 2) break;
      }
      report();
      return false;
    },
  };
}

/** A script, since nothing else can be interrupted after a time. */
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
