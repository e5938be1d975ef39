import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Starts a child and waits for its first line; it answers to a line with a line. */
export async function startTalking(command: string, ...args: string[]) {
  const child: ChildProcessWithoutNullStreams = spawn(command, args);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, "exit");
  const kill = () => {
    child.kill("SIGKILL");
    return exited;
  };
  const nextLine = async (): Promise<string> => (await lines.next()).value;
  return { pid: Number(child.pid), firstLine: await nextLine(), nextLine, tell: () => child.stdin.write("\n"), kill };
}
