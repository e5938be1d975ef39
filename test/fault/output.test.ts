// What tasks print must never hold up the provider, whether its log is read or not.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, type FileHandle, open, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { endpointsOf, findContext } from "../../tools/context-file.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import { finish, programOf, startProgram } from "../support/command.ts";
import { runContext, SERVICES, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { awaitEvents, type Recording } from "../support/recording.ts";
import { KEY, startOnTerminal } from "../support/terminal.ts";
import { leaveNothing, program, script, until, writeContext } from "./support.ts";

leaveNothing();

/** More lines than any queue on the way to a reader holds: they have 2 MiB at most, and a line has 35 bytes or more. */
const COUNT = 80_000;
/** Prints so many numbers, a line each, once it may, and says in a file that it has got rid of them; later a last line. */
const counts = script(
  "ts_1",
  `${untilThere("go")}; seq ${COUNT}; touch printed; ${untilThere("more")}; echo over; exec sleep 1000`,
);

function untilThere(file: string): string {
  return `while [ ! -e ${file} ]; do sleep 0.02; done`;
}

/** A provider in a process of its own, with its streams as the test wants them. */
interface Provider extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: Recording<string>;
  /** Where the test has asked for a pipe; it is not read. */
  readonly stderr: Readable | null;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts the built command with a transaction T1. */
function provide(
  file: string,
  { stdout = "pipe", stderr = "pipe", words = [] }: { stdout?: Sink; stderr?: Sink; words?: readonly string[] } = {},
): Provider {
  const command = [programOf("service-context"), file, "--start", "T1", "--services_root", SERVICES, ...words];
  const stdio = ["ignore", ...[stdout, stderr].map((sink) => (sink === "pipe" ? sink : sink.fd))] as const;
  const child = spawn(process.execPath, command, { stdio: [...stdio] });
  const exit = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const lines = awaitEvents<string>("stdout of the provider", (line) => line);
  if (child.stdout) createInterface({ input: child.stdout }).on("line", lines.add).on("close", lines.end);
  return {
    pid: child.pid as number,
    stdout: lines,
    stderr: child.stderr,
    exit,
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      // One that is held up takes no other signal; its tasks go with it.
      child.kill("SIGKILL");
      await exit;
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    },
  };
}

type Sink = "pipe" | FileHandle;

const isStarted = ({ stdout }: Provider) => stdout.first((line) => line === "transaction T1");

/** The tasks of a provider, once they have all started; it has to answer for that. */
async function tasksOf(file: string): Promise<TaskRecord[]> {
  await using client = await clientOf(file);
  return await until("all running", async () => {
    const tasks = await client.state("T1");
    return tasks.every(({ lifecycle }) => lifecycle !== "starting") && tasks;
  });
}

/** A client of the provider that runs a file: on a busy machine, an answer may take longer than a command waits for one. */
async function clientOf(file: string): Promise<ContextClient> {
  return connectContext(endpointsOf(await findContext(file)), PATIENT);
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The numbers that a log shows as printed, and how many lines it says were dropped; in its own order. */
function read(lines: readonly string[]): { numbers: number[]; dropped: number } {
  const find = (pattern: RegExp) => lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).map(Number);
  const counts = [...find(/log lines dropped +count=(\d+)/), ...find(/"count":(\d+),"msg":"log lines dropped"/)];
  return { numbers: find(/(?:\| |"line":")(\d+)"?/), dropped: counts.reduce((sum, count) => sum + count, 0) };
}

function expectAllOrCounted({ numbers, dropped }: ReturnType<typeof read>): void {
  expect(numbers.length + dropped).toBe(COUNT);
  expect(numbers.findIndex((number, index) => index > 0 && number <= (numbers[index - 1] as number))).toBe(-1);
}

/** All that comes, to the end. */
async function drain(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A reader that has a pipe open and reads nothing of it. */
async function unreadPipe(folder: Folder): Promise<FileHandle> {
  await finish(startProgram("mkfifo", [folder.at("pipe")]));
  return open(folder.at("pipe"), "r+");
}

/** Halts a terminal, or has it go on, as Ctrl-S and Ctrl-Q do. */
async function flow(terminal: string, how: "TCOOFF" | "TCOON"): Promise<void> {
  const open = `os.open(${JSON.stringify(terminal)}, os.O_RDWR | os.O_NOCTTY)`;
  const { code } = await finish(
    startProgram("python3", ["-c", `import os, termios; termios.tcflow(${open}, termios.${how})`]),
  );
  expect(code).toBe(0);
}

/** The time that a process has used up, in ticks. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

describe("a task that prints without end", () => {
  const floods: readonly TaskXml[] = [
    program("ts_1", "yes"),
    { id: "ts_2", instance: "PrintsWithoutPause" },
    { id: "ts_3", instance: "PrintsWithoutPause", serviceType: "Thread" },
  ];

  test("holds up no command, no sign of life and no end", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, floods);
    await using provider = provide(file);
    provider.stderr?.resume();
    await isStarted(provider);

    const tasks = await tasksOf(file);
    await using client = await clientOf(file);
    const configuration = { TaskService: [{ id: "ts_1" }] };
    const restarting = await client.command({ action: "restart", transaction: "T1", configuration });
    const [restarted] = await restarting.settled(BOUND_MS);
    const later = await tasksOf(file);
    provider.signal("SIGTERM");

    expect(tasks.map(({ lifecycle }) => lifecycle)).toEqual(floods.map(() => "running"));
    expect(restarted).toMatchObject({ service_id: "ts_1", lifecycle: "running" });
    expect(later.map(({ lifecycle }) => lifecycle)).toEqual(floods.map(() => "running"));
    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test.each(["Process", "Thread"] as const)("of ours, in a %s, rests while it is not read", async (serviceType) => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [{ id: "ts_1", instance: "PrintsWithoutPause", serviceType }]);
    await using provider = provide(file);
    provider.stderr?.resume();
    await isStarted(provider);
    const [task] = await tasksOf(file);
    const pid = task?.pid as number;

    provider.signal("SIGSTOP");
    let [ticks, looks] = [0, 0];
    // A beat now and then takes next to nothing; printing takes all there is.
    const rested = until("the task at rest", async () => {
      const now = await ticksOf(pid);
      looks = now - ticks > 2 ? 0 : looks + 1;
      if (looks === 0) ticks = now;
      return looks >= 50;
    });
    await rested.finally(() => provider.signal("SIGCONT"));

    expect((await tasksOf(file)).map(({ lifecycle, pid }) => [lifecycle, pid])).toEqual([["running", pid]]);
    provider.signal("SIGTERM");
    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test("and ends has everything it printed told before its end", async () => {
    await using context = await runContext([script("ts_1", "seq 5000; exit 3")]);

    context.provider.start("T1");
    await context.log.first(({ phrase }) => phrase === "failed");

    const phrases = context.log.all.filter(({ task }) => task === "ts_1");
    expect(phrases.flatMap(({ line }) => line ?? [])).toEqual(
      Array.from({ length: 5_000 }, (_, index) => `${index + 1}`),
    );
    expect(phrases.findLastIndex(({ line }) => line !== undefined)).toBeLessThan(
      phrases.findIndex(({ phrase }) => phrase === "failed"),
    );
  });

  test("and ends has everything told that waited to be read, however late the provider reads it", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [script("ts_1", `seq ${COUNT}; touch printed; exit 3`)]);
    await using log = await open(folder.at("log"), "w");
    await using provider = provide(file, { stderr: log, words: ["--until-done"] });

    await provider.exit;

    const told = read((await readFile(folder.at("log"), "utf8")).split("\n"));
    expect(told.dropped).toBe(0);
    expectAllOrCounted(told);
  });
});

describe("the output of a task", () => {
  /** What a task has printed, once it has ended. */
  async function printedBy(task: TaskXml): Promise<unknown[]> {
    await using context = await runContext([task]);
    context.provider.start("T1");
    await context.log.first(({ phrase }) => phrase === "exited" || phrase === "failed");
    return context.log.all.flatMap(({ line, stream }) => (line === undefined ? [] : [`${stream} ${line}`]));
  }

  test("can be opened by its name", async () => {
    const names = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/2"];
    const printed = await printedBy(script("ts_1", names.map((name) => `echo ${name} > ${name}`).join("; ")));

    expect(printed.sort()).toEqual([
      "stderr /dev/stderr",
      "stderr /proc/self/fd/2",
      "stdout /dev/fd/1",
      "stdout /dev/stdout",
    ]);
  });

  test("is read to its end where a process outlives the task that was not found, and holds it", async () => {
    const escaped = "setsid env -i sh -c 'sleep 0.3; echo late; exec sleep 3' &";
    const printed = await printedBy(script("ts_1", `(${escaped}); seq 3`));

    expect(printed.slice(0, 3)).toEqual(["stdout 1", "stdout 2", "stdout 3"]);
  });

  test("is readable, line by line, whatever it does to a terminal", async () => {
    const printed = await printedBy(
      script("ts_1", String.raw`printf '\r 20%%\r100%%\n\033[2J\033[Hcompiled\n\033]0;title\007\000raw\n'`),
    );

    expect(printed).toEqual(["stdout 100%", "stdout compiled", "stdout \\u0000raw"]);
  });

  test.each(["Ready", "^Ready. Press h for help: $"])("makes it ready without a line end: %s", async (ready_log) => {
    await using context = await runContext([
      script("ts_1", "printf '\\033[1mReady. \\033[0mPress h for help: '; exec sleep 1000", {
        supervision: { ready_log },
      }),
    ]);

    const [task] = await context.start("T1");
    await context.stop("T1");

    expect(task?.lifecycle).toBe("running");
  });

  test("makes it ready by what a line is in the end, not by what it was", async () => {
    await using context = await runContext([
      script(
        "ts_1",
        "printf 'ready soon\\rstarting\\n'; sleep 0.2; printf 'a'; printf 'nd ready\\n'; exec sleep 1000",
        {
          supervision: { ready_log: "ready" },
        },
      ),
    ]);

    const [task] = await context.start("T1");
    await context.stop("T1");

    expect(task?.lifecycle).toBe("running");
    const phrases = context.log.all.map(({ phrase, line }) => line ?? phrase);
    expect(phrases.indexOf("running")).toBeGreaterThan(phrases.indexOf("starting"));
  });
});

describe("a log that is not read", () => {
  test.each([
    ["a socket", "json"],
    ["a pipe", "pretty"],
  ] as const)("holds up nothing, and says later how much of it was dropped: %s, %s", async (sink, format) => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [counts]);
    const pipe = sink === "a pipe" ? await unreadPipe(folder) : undefined;
    await using provider = provide(file, { stderr: pipe ?? "pipe", words: ["--log_format", format] });
    await isStarted(provider);

    await folder.write("go", "");
    await until("all printed", () => isThere(folder.at("printed")));
    const tasks = await tasksOf(file);
    // A reader that has the pipe open for writing as well never sees its end.
    const reader = pipe ? (await open(folder.at("pipe"))).createReadStream() : (provider.stderr as Readable);
    await pipe?.close();
    const log = awaitEvents<string>("log", (line) => line);
    createInterface({ input: reader }).on("line", log.add).on("close", log.end);
    await log.first((line) => line.includes("log lines dropped"));
    await folder.write("more", "");
    await log.first((line) => line.includes("over"));
    provider.signal("SIGTERM");
    await log.first((line) => line.includes("provider left"));

    expect(tasks.map(({ lifecycle }) => lifecycle)).toEqual(["running"]);
    expect(await provider.exit).toEqual({ code: 0, signal: null });
    const told = read(log.all);
    expect(told.dropped).toBeGreaterThan(0);
    expectAllOrCounted(told);
  });

  test("does not keep its provider from leaving", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [counts]);
    await using provider = provide(file);
    await isStarted(provider);
    await folder.write("go", "");
    await until("all printed", () => isThere(folder.at("printed")));

    provider.signal("SIGTERM");

    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test("on a terminal that is halted holds up nothing, and goes on with it", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [counts]);
    const command = [process.execPath, programOf("service-context"), file, "--start", "T1"];
    await using terminal = startOnTerminal(command);
    await terminal.reads("running");
    const [, pid] = /provider ready .*pid=(\d+)/.exec(terminal.text()) ?? [];

    await flow(`/proc/${pid}/fd/2`, "TCOOFF");
    await folder.write("go", "");
    await until("all printed", () => isThere(folder.at("printed")));
    const tasks = await tasksOf(file);
    await flow(`/proc/${pid}/fd/2`, "TCOON");
    await terminal.reads("log lines dropped");
    await folder.write("more", "");
    await terminal.reads("over");
    terminal.types(KEY.ctrlC);

    expect(tasks.map(({ lifecycle }) => lifecycle)).toEqual(["running"]);
    expect(await terminal.exit).toBe(0);
    expectAllOrCounted(read(terminal.text().split("\n")));
  });
});

describe("a log that is a file", () => {
  test("has every line, in its order", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [counts]);
    await using log = await open(folder.at("log"), "w");
    await using provider = provide(file, { stderr: log });
    await isStarted(provider);
    for (const name of ["go", "more"]) await folder.write(name, "");
    const text = await until("the last line", async () => {
      const written = await readFile(folder.at("log"), "utf8");
      return written.includes("over") && written;
    });
    provider.signal("SIGTERM");
    await provider.exit;

    const told = read(text.split("\n"));
    expect(told.dropped).toBe(0);
    expectAllOrCounted(told);
  });
});

describe("a full disk", () => {
  const quiet = program("ts_1", "sleep 1000");

  test("for the answers of a provider is told in its log, and ends nothing", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [quiet]);
    await using full = await open("/dev/full", "w");
    await using provider = provide(file, { stdout: full });
    const log = awaitEvents<string>("log", (line) => line);
    createInterface({ input: provider.stderr as Readable }).on("line", log.add);

    await log.first((line) => line.includes("can't write to stdout"));
    await log.first((line) => line.includes("running"));
    const tasks = await tasksOf(file);
    provider.signal("SIGTERM");

    expect(tasks.map(({ lifecycle }) => lifecycle)).toEqual(["running"]);
    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test("for the log of a provider ends nothing", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [quiet]);
    await using full = await open("/dev/full", "w");
    await using provider = provide(file, { stderr: full });
    await isStarted(provider);

    const tasks = await tasksOf(file);
    provider.signal("SIGTERM");

    expect(tasks.map(({ lifecycle }) => lifecycle)).toEqual(["running"]);
    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test("for the answer of a command is a failure, and no fault of ours", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [quiet]);
    await using full = await open("/dev/full", "w");

    const child = spawn(process.execPath, [programOf("service-context"), file, "--diagram"], {
      stdio: ["ignore", full.fd, "pipe"],
    });
    const said = drain(child.stderr as Readable);

    expect(await once(child, "close")).toEqual([1, null]);
    expect(await said).toMatch(/^error: can't write to stdout: ENOSPC.*\n$/);
  });
});
