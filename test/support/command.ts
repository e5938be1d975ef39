// The built commands as users run them: in a process of their own, what they print kept line by line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BOUND_MS } from "./bound.ts";
import { type Folder, makeFolder } from "./folder.ts";
import { awaitEvents, type Recording } from "./recording.ts";

export type CommandName =
  | "service-context"
  | "create-service"
  | "conf-command"
  | "context-monitor"
  | "context-bus"
  | "context-hub"
  | "zcontext";

export interface RunningCommand extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: Recording<string>;
  readonly stderr: Recording<string>;
  /** Resolves when it has ended and all it has printed is here; the signal's name where one has ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
}

export interface Finished {
  code: number | NodeJS.Signals;
  stdout: string[];
  stderr: string[];
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** The path of the program behind a command. */
export function programOf(command: CommandName): string {
  return join(REPOSITORY, "dist", "bin", `${command}.cjs`);
}

/** Starts a command; it is ended, at once and with all it has started, when it still runs at the end of the test. */
export function startCommand(
  command: CommandName,
  words: readonly string[],
  options: CommandOptions = {},
): RunningCommand {
  return startProgram(process.execPath, [programOf(command), ...words], options);
}

/** The same for any program. */
export function startProgram(
  program: string,
  words: readonly string[],
  { cwd, env = {} }: CommandOptions = {},
): RunningCommand {
  const child = spawn(program, words, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const name = [program, ...words].join(" ");
  const [stdout, stderr] = (["stdout", "stderr"] as const).map((stream) => {
    const lines = awaitEvents<string>(`${stream} of ${name}`, (line) => line);
    createInterface({ input: child[stream] }).on("line", lines.add).on("close", lines.end);
    return lines;
  }) as [Recording<string>, Recording<string>];
  const exit = once(child, "close").then(([code, signal]: (number | NodeJS.Signals)[]) => code ?? signal);
  const isOver = () => child.exitCode !== null || child.signalCode !== null;

  return {
    pid: child.pid as number,
    stdout,
    stderr,
    exit: exit as Promise<number | NodeJS.Signals>,
    signal: (signal) => void child.kill(signal),
    // A provider takes its tasks along at the second signal.
    async [Symbol.asyncDispose]() {
      if (!isOver()) child.kill("SIGTERM");
      const again = setInterval(() => child.kill("SIGTERM"), 500);
      await exit.finally(() => clearInterval(again));
    },
  };
}

/** Runs a command to its end. */
export async function run(
  command: CommandName,
  words: readonly string[],
  options: CommandOptions = {},
): Promise<Finished> {
  return finish(startCommand(command, words, options));
}

/** Waits for the end of a command, and ends one that does not come to it. */
export async function finish(command: RunningCommand): Promise<Finished> {
  await using running = command;
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    running.signal("SIGKILL");
  }, BOUND_MS);
  const code = await running.exit.finally(() => clearTimeout(late));
  const finished = { code, stdout: [...running.stdout.all], stderr: [...running.stderr.all] };
  if (isLate) throw new Error(`it did not end by itself: ${JSON.stringify(finished)}`);
  return finished;
}

/** Copies `conf/` and `services/` to a folder of their own, every port left to the system. */
export async function copyExamples(): Promise<Folder> {
  const copy = await makeFolder();
  for (const folder of ["conf", "services"])
    await cp(join(REPOSITORY, folder), copy.at(folder), {
      recursive: true,
      filter: (source) => !source.includes(".zcontext"),
    });
  for (const name of await readdir(copy.at("conf"))) {
    const file = copy.at("conf", name);
    await writeFile(file, (await readFile(file, "utf8")).replace(/(tcp:\/\/127\.0\.0\.1:)\d+/g, "$1*"));
  }
  return copy;
}
