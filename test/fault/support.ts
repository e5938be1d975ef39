// What the tests of the fault catalogue share: programs that misbehave, what the provider says of them, and the check
// that each test ends with.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach } from "vitest";
import { connectLink } from "../../src/link/link.ts";
import type { SignalledProcess } from "../../src/processes/signaller.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { BOUND_MS } from "../support/bound.ts";
import { programOf } from "../support/command.ts";
import {
  contextXml,
  type LogLine,
  type RunningContext,
  runContext,
  SERVICES,
  type TaskXml,
} from "../support/context.ts";
import type { Folder } from "../support/folder.ts";
import { isLiving, leaveNoProcess } from "../support/processes.ts";
import { awaitEvents, type Recording } from "../support/recording.ts";

/** So long that nothing counts as started because it has lived. */
export const NEVER_S = 86_400;
const POLL_MS = 10;

/**
 * Has each test of the file fail that leaves a process behind, or more open descriptors in this process than there were.
 * What the runtime opens once and keeps is opened before the first test.
 */
export function leaveNothing(): void {
  leaveNoProcess();
  let before: string[] = [];
  beforeAll(async () => {
    await using context = await runContext([program("ts_1", "sleep 1000")]);
    await using ear = await hearTransitions(context.endpoints);
    await context.start("T1");
    await ear.first(({ to }) => to === "running");
  });
  beforeEach(() => {
    before = openDescriptors();
  });
  afterEach(() => untilNoMoreThan(before));
}

/** Those of these processes that live. A process that becomes another program at the moment counts as well. */
export async function livingOf(pids: readonly number[]): Promise<number[]> {
  const living = await Promise.all(pids.map(isLiving));
  return pids.filter((_, index) => living[index]);
}

/** What a process has open: what each of its descriptors leads to. */
export function openDescriptors(pid: number | "self" = "self"): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      return [readlinkSync(`${folder}/${descriptor}`)];
    } catch {
      return []; // the one that we are reading the folder with
    }
  });
}

/** A provider makes pipes for output many at a time, and keeps at most so many for the runs to come. */
export const MOST_SPARE_PIPES = 32;
/** The link of such a pipe in the folder of descriptors. */
export const SPARE_PIPE = /\/zcontext-\w+\/\d+ \(deleted\)$/;

export function sparePipesOf(pid: number): number {
  return openDescriptors(pid).filter((descriptor) => SPARE_PIPE.test(descriptor)).length;
}

/**
 * Resolves when a process has no more open than before; throws, naming the rest, when that does not happen.
 *
 * @param uncounted - What may be open beside that.
 */
export async function untilNoMoreThan(
  before: readonly string[],
  pid: number | "self" = "self",
  uncounted?: RegExp,
): Promise<void> {
  const counted = () => openDescriptors(pid).filter((descriptor) => uncounted?.test(descriptor) !== true);
  const others = () => counted().filter((descriptor) => !before.includes(descriptor));
  await until(
    () => `the end of what is still open: ${others().join(", ")}`,
    () => counted().length <= before.length,
  );
}

/**
 * Resolves with the first answer that is none of false, null and undefined; for what no event tells.
 *
 * @param what - Names it when the wait is in vain; a function where that is known only then.
 */
export async function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + BOUND_MS;
  while (true) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline)
      throw new Error(`${typeof what === "string" ? what : what()} did not come in time`);
    await pause(POLL_MS);
  }
}

/** A task that runs this command, and counts as started at once. */
export function program(id: string, command: string, but: Partial<TaskXml> = {}): TaskXml {
  return { id, instance: "Program", serviceType: "Executable", command, readyAfterS: 0, ...but };
}

/** A task that is a shell script. */
export function script(id: string, text: string, but: Partial<TaskXml> = {}): TaskXml {
  return program(id, "sh", { arguments: ["-c", text], ...but });
}

/** A task that is a program of test/fixtures/programs. */
export function fixture(id: string, name: string, but: Partial<TaskXml> = {}): TaskXml {
  return program(id, name.endsWith(".sh") ? "sh" : process.execPath, { arguments: [programPath(name)], ...but });
}

/** Where a program of test/fixtures/programs is. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/programs/${name}`, import.meta.url));
}

/** A transition of a task, as the bus brings it. */
export interface Transition extends JsonObject {
  transaction: string;
  task: string;
  sequence: number;
  from: string;
  to: string;
  event: string;
  run: number;
}

export interface TransitionEar extends Recording<Transition>, AsyncDisposable {
  /** Resolves when the task gets into this state, now or later; from the index `from` on. */
  until(task: string, state: string, from?: number): Promise<Transition>;
  /** The states that a task has come through, without those that it stayed in. */
  pathOf(task: string): string[];
}

/** Listens to what becomes of the tasks, from now until it is disposed of. */
export async function hearTransitions(endpoints: Endpoints): Promise<TransitionEar> {
  const heard = awaitEvents<Transition>("transitions", ({ task, from, event, to }) => `${task} ${from} ${event} ${to}`);
  const link = await connectLink(endpoints, {
    topics: ["transition"],
    timeoutMs: BOUND_MS,
    onFrame: ({ body }) => heard.add(body as Transition),
  });
  return {
    ...heard,
    until: (task, state, from = 0) =>
      heard.first((one) => one.task === task && one.to === state && one.from !== state, {
        from,
        what: `${task} ${state}`,
      }),
    pathOf: (task) => heard.all.filter((one) => one.task === task && one.from !== one.to).map(({ to }) => to),
    [Symbol.asyncDispose]: link.close,
  };
}

/** The processes that had to be signalled so that no process of the task was left. */
export function killedIn({ killed = [] }: Transition): SignalledProcess[] {
  return killed as unknown as SignalledProcess[];
}

/** Resolves with the numbers that a task has printed, a line each, once there are so many of them. */
export async function untilPrinted({ log }: Pick<RunningContext, "log">, id: string, count: number): Promise<number[]> {
  const isPrinted = ({ phrase, task, stream }: LogLine) => phrase === "output" && task === id && stream === "stdout";
  const printed = () => log.all.filter(isPrinted).map(({ line }) => Number(line));
  await log.first(() => printed().length >= count, { what: `line ${count} of ${id}` });
  return printed();
}

/** The provider of a context file in a process of its own: for what happens when that process dies. */
export interface ProviderProcess extends AsyncDisposable {
  readonly pid: number;
  readonly endpoints: Endpoints;
  /** What it has logged; a line that is none of its log is a phrase without fields. */
  readonly log: Recording<LogLine>;
  readonly exit: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Has it die of SIGKILL, and resolves when it is gone. */
  die(): Promise<void>;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Writes a context file of these tasks; answers its path. */
export function writeContext(folder: Folder, tasks: readonly TaskXml[]): Promise<string> {
  return folder.write("Context-Test.xml", contextXml(tasks));
}

/**
 * Runs the built command on this very file, which may have been run before, and resolves when it takes commands.
 *
 * @param options.prefix - A command line that becomes the one put behind it.
 * @param options.words - Further words for the command.
 */
export async function runProvider(
  file: string,
  { prefix = [], words = [] }: { prefix?: readonly string[]; words?: readonly string[] } = {},
): Promise<ProviderProcess> {
  const how = ["--log_format", "json", "--services_root", SERVICES, ...words];
  const [command = "", ...rest] = [...prefix, process.execPath, programOf("service-context"), file, ...how];
  const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"] });
  const exit = once(child, "exit").then(([code, signal]): Exit => ({ code, signal }));
  const log = awaitEvents<LogLine>(`log of the provider with pid ${child.pid}`, (line) => JSON.stringify(line));
  createInterface({ input: child.stderr })
    .on("line", (line) => log.add(readLogLine(line)))
    .on("close", log.end);
  const { publish, subscribe } = await log.first(({ phrase }) => phrase === "provider ready", {
    what: "the provider ready",
  });
  return {
    pid: child.pid as number,
    endpoints: { publish: String(publish), subscribe: String(subscribe) },
    log,
    exit,
    signal: (signal) => void child.kill(signal),
    async die() {
      child.kill("SIGKILL");
      await exit;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exit;
    },
  };
}

// A crash prints what is no log line; the reader of a failed test wants to see it as well.
function readLogLine(line: string): LogLine {
  try {
    const { msg, ...fields } = JSON.parse(line);
    return { phrase: msg, ...fields };
  } catch {
    return { phrase: line };
  }
}
