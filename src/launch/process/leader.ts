// Spawns a process as the leader of its own session, with its limits, its variables and the pipes of its input and output.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { StdinKind } from "../../config/model.ts";
import { withoutTask } from "../../protocol/environment.ts";
import { tooLong } from "../environment/length-limits.ts";
import type { OutputPipe } from "../output/output-pipes.ts";
import type { ProcessOwnership } from "./process-ownership.ts";
import type { OutputStream, ProcessOptions } from "./running-program.ts";

/** A process that was spawned, and what it prints. */
export interface Leader {
  child: ChildProcess;
  output: Partial<Record<OutputStream, Readable | null>>;
}

// Detached, so that it leads a session and a process group: its descendants can be signalled together.
export function spawnLeader(
  command: readonly string[],
  { run, environment, folder, limits, stdin = "empty" }: ProcessOptions,
  ownership: ProcessOwnership,
  pipes: readonly "pipe"[],
): Leader {
  const [path = "", ...words] = [...ownership.commandPrefix(limits ?? { nice: 0 }), ...command];
  const env = {
    ...withoutTask(process.env),
    ...ownership.environment,
    ...environment,
    ...ownership.cookieVariable(run),
  };
  try {
    return withInput(ownership, stdin, (input) =>
      withOutput(ownership, (stdout, stderr) => {
        const child = spawn(path, words, {
          ...(folder === undefined ? {} : { cwd: folder }),
          env,
          detached: true,
          stdio: [input, stdout, stderr, ...pipes],
        });
        child.stdin?.on("error", () => {}); // the process is gone: `exit` follows
        return child;
      }),
    );
  } catch (error) {
    throw tooLong(error, { words: command, environment: env }) ?? error;
  }
}

/** Spawns a process with a pipe of ours for its input if that is open: nothing is written to it, and it ends with us. */
function withInput(
  { outputPipes }: ProcessOwnership,
  kind: StdinKind,
  start: (stdin: number | "pipe" | "ignore") => Leader,
): Leader {
  const pipe = kind === "open" ? outputPipes.openInput() : undefined;
  if (pipe === undefined) return start(kind === "open" ? "pipe" : "ignore");
  let child: ChildProcess | undefined;
  try {
    const leader = start(pipe.readEnd);
    ({ child } = leader);
    return leader;
  } finally {
    closeSync(pipe.readEnd);
    if (child?.pid === undefined) closeSync(pipe.writeEnd);
    else child.once("exit", () => closeSync(pipe.writeEnd));
  }
}

/** Spawns a process with pipes of ours for its output, or with those of Node where there are none. */
function withOutput(
  { outputPipes }: ProcessOwnership,
  start: (stdout: number | "pipe", stderr: number | "pipe") => ChildProcess,
): Leader {
  const pipes: OutputPipe[] = [];
  let child: ChildProcess | undefined;
  try {
    const open = () => pipes.push(...[outputPipes.open() ?? []].flat());
    open();
    open();
    const [stdout, stderr] = pipes;
    child = start(stdout?.writeEnd ?? "pipe", stderr?.writeEnd ?? "pipe");
    return { child, output: { stdout: stdout?.stream ?? child.stdout, stderr: stderr?.stream ?? child.stderr } };
  } finally {
    for (const { writeEnd } of pipes) closeSync(writeEnd);
    if (child?.pid === undefined) for (const { stream } of pipes) stream.destroy();
  }
}

// Without free descriptors a failed spawn has not even stdio; an error follows.
export function stdioOf(child: ChildProcess): (Readable | Writable | null | undefined)[] {
  return (child.stdio as ChildProcess["stdio"] | undefined) ?? [];
}
