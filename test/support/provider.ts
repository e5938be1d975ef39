// The built command as users run it: a provider in a process of its own, on a copy of a context file whose ports the
// system chooses.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { awaitEvents, type Recording } from "./recording.ts";

/** A line of the provider's JSON log. */
export interface LogLine {
  level: string;
  msg: string;
  [field: string]: unknown;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProviderProcess extends AsyncDisposable {
  readonly pid: number;
  /** The copy of the context file that it runs. */
  readonly file: string;
  /** Where senders and where listeners connect. */
  readonly endpoints: { publish: string; subscribe: string };
  /** Everything it has logged. */
  readonly log: Recording<LogLine>;
  /** Everything it has printed on stdout. */
  readonly answers: readonly string[];
  readonly exit: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Pids of the processes that it, or a process of its, has started, its own included. */
  processes(): number[];
  /** Ends it if it still runs, and throws when a process of it has been left behind. */
  close(): Promise<void>;
}

const COMMAND = fileURLToPath(new URL("../../dist/bin/service-context.cjs", import.meta.url));
/** Task services that the tests use, below the folder of their instance. */
const SERVICES = fileURLToPath(new URL("../fixtures/services", import.meta.url));
/** Marks a provider and all that it starts, in the one place that a process can't help inheriting. */
const MARK = "ZCONTEXT_TEST_PROVIDER";

/** Starts a provider of `file`, a path or the URL of a fixture, and resolves when it takes commands. */
export async function startProvider(file: string | URL, ...options: string[]): Promise<ProviderProcess> {
  const folder = await mkdtemp(join(tmpdir(), "zcontext-provider-"));
  const copy = join(folder, basename(file instanceof URL ? fileURLToPath(file) : file));
  await writeFile(copy, withAnyPort(await readFile(file, "utf8")));
  const mark = randomUUID();
  const child = spawn(
    process.execPath,
    [COMMAND, copy, "--log_format", "json", "--services_root", SERVICES, ...options],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, [MARK]: mark } },
  );
  const exit: Promise<Exit> = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const closed = once(child, "close");

  const answers: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => answers.push(line));
  const log = awaitEvents<LogLine>(`log of the provider with pid ${child.pid}`, ({ level, msg }) => `${level} ${msg}`);
  createInterface({ input: child.stderr }).on("line", (line) => log.add(readLogLine(line)));
  closed.then(() => log.end());

  let closing: Promise<void> | undefined;
  // A provider takes its tasks along at a second signal, unless that comes within a moment after the first.
  async function end(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const again = setInterval(() => child.kill("SIGTERM"), 500);
    await closed.finally(() => clearInterval(again));
    const left = marked(mark);
    for (const pid of left) process.kill(pid, "SIGKILL");
    await rm(folder, { recursive: true });
    if (left.length > 0) throw new Error(`the provider of ${copy} has left processes behind: ${left.join(", ")}`);
  }
  const close = () => (closing ??= end());

  try {
    const { publish, subscribe } = await log.first(({ msg }) => msg === "provider ready");
    return {
      pid: child.pid as number,
      file: copy,
      endpoints: { publish: String(publish), subscribe: String(subscribe) },
      log,
      answers,
      exit,
      signal: (signal) => child.kill(signal),
      processes: () => marked(mark),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Resolves when a provider that leaves takes another signal for a second request: it says each second what it waits for,
 * and a signal within a second of the first one is the same request.
 */
export async function untilSignalsHurry({ log }: Pick<ProviderProcess, "log">): Promise<void> {
  const waits = () => log.all.filter(({ msg }) => msg === "waiting for tasks").length;
  await log.first(() => waits() > 1);
}

/** The text of a context file with every address on this machine, on a port that the system chooses. */
export function withAnyPort(xml: string): string {
  return xml.replace(/(<(FrontEndEndpoint|BackendEndpoint|FrontBind|BackendBind)>)[^<]*/g, "$1tcp://127.0.0.1:*");
}

// A crash prints what is no log line; the reader of a failed test wants to see it as well.
function readLogLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: "raw", msg: line };
  }
}

// A process that has ended but was not waited for has no environment any more, and so is none of these.
function marked(mark: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => environmentOf(pid).includes(`${MARK}=${mark}`))
    .map(Number);
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // gone while we looked, or not ours
  }
}
