// A program on a terminal, that a test reads and types on.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { awaitEvents } from "./recording.ts";

export interface Terminal extends AsyncDisposable {
  /**
   * Resolves when these stand on the terminal, behind what was read before, and in any order: only what has changed is drawn,
   * and two things may change in either order. Rejects when they do not come.
   */
  reads(...texts: string[]): Promise<void>;
  types(keys: string): void;
  /** Gives it another size, of which the program is told. */
  resizes(rows: number, columns: number): void;
  /** Closes it before the program has ended. */
  hangsUp(): void;
  /** All that was printed, without colours and movements of the cursor. */
  text(): string;
  /** All that was printed, as it came. */
  printed(): string;
  /** Resolves when the program has ended and all it has printed is here. */
  readonly exit: Promise<number>;
}

/** What some keys send. */
export const KEY = { enter: "\r", backspace: "\x7f", ctrlC: "\x03", ctrlD: "\x04" } as const;

const SCRIPT = fileURLToPath(new URL("terminal.py", import.meta.url));

/** Starts a program on a terminal; it is killed when it still runs at the end of the test. */
export function startOnTerminal(
  command: readonly string[],
  { cwd, columns = 200, env = {} }: { cwd?: string; columns?: number; env?: NodeJS.ProcessEnv } = {},
): Terminal {
  const child = spawn("python3", [SCRIPT, String(columns), ...command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const printed = awaitEvents<string>(`the terminal of ${command.join(" ")}`, (piece) => JSON.stringify(piece));
  child.stdout.setEncoding("utf8").on("data", printed.add).on("end", printed.end);
  // The program may have ended before a key arrives; `exit` tells that.
  child.stdin.on("error", () => {});
  const exit = once(child, "close").then(([code]: number[]) => code as number);
  const text = () => stripVTControlCharacters(printed.all.join(""));
  let read = 0;

  return {
    exit,
    text,
    printed: () => printed.all.join(""),
    resizes: (rows, wide) => void child.stdin.write(`\u001b[8;${rows};${wide}t`),
    hangsUp: () => void child.kill("SIGKILL"),
    types: (keys) => void child.stdin.write(keys),
    async reads(...expected) {
      const missing = () => expected.filter((one) => !text().includes(one, read));
      await printed.first(() => missing().length === 0, {
        what: expected.map((one) => JSON.stringify(one)).join(", "),
      });
      read = Math.max(...expected.map((one) => text().indexOf(one, read) + one.length));
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exit;
    },
  };
}
