// A program of test/fixtures in a process of its own: for what has to be killed, or must not share ours.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Script extends AsyncDisposable {
  readonly pid: number;
  /** The first line it has printed. */
  readonly firstLine: string;
  /** Ends it at once, and resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts `test/fixtures/<name>` and resolves when it has printed its first line. */
export function startScript(name: string, ...args: string[]): Promise<Script> {
  return startScriptBy([], name, ...args);
}

/** The same by way of a command such as `unshare`, which replaces itself with what follows its words. */
export async function startScriptBy(command: readonly string[], name: string, ...args: string[]): Promise<Script> {
  const file = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  const [program = "", ...words] = [...command, process.execPath, file, ...args];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: firstLine, done } = await lines.next();
  if (done) throw new Error(`${name} ended before it printed a line`);

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
  }
  return { pid: child.pid as number, firstLine, kill, [Symbol.asyncDispose]: kill };
}
