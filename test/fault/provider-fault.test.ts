// Faults of the provider itself: F11 of the catalogue, and a provider that is told to leave while a task does not
// want to end (M15). What breaks it is loaded into its process from outside; nothing in the product knows of it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { connectContext } from "../../src/context/client/client.ts";
import type { Log } from "../../src/log.ts";
import { BOUND_MS, PATIENT } from "../support/bound.ts";
import { run as runCommand, startProgram } from "../support/command.ts";
import { type Attributes, contextXml, runContext, SERVICES, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { started, untilGone } from "../support/processes.ts";
import { type ProviderProcess, startProvider, untilSignalsHurry } from "../support/provider.ts";
import { startOnTerminal } from "../support/terminal.ts";
import { leaveNothing, program, script } from "./support.ts";

leaveNothing();

const COMMAND = fileURLToPath(new URL("../../dist/bin/service-context.cjs", import.meta.url));
const BREAKS = fileURLToPath(new URL("../fixtures/breaks-the-provider.cjs", import.meta.url));
/** A process table of its own, in which what is started is the first. */
const UNSHARE = ["-rpf", "--mount-proc", "--kill-child", "--"];
/** Of every way to run, one that ends when it is told to. */
const EACH: readonly TaskXml[] = [
  program("ts_1", "sleep 1000"),
  { id: "ts_2", instance: "Steady" },
  { id: "ts_3", instance: "Steady", serviceType: "Thread" },
];

/** Has the providers of this test break this way. */
function breakBy(way: string): void {
  vi.stubEnv("NODE_OPTIONS", `--require "${BREAKS}"`);
  vi.stubEnv("BREAKS_BY", way);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Runs the built command on a file of these tasks. */
async function run(tasks: readonly TaskXml[], supervision?: Attributes): Promise<ProviderProcess> {
  await using folder = await makeFolder();
  return await startProvider(await folder.write("Context-Test.xml", contextXml(tasks, supervision)));
}

/** Starts all tasks of a provider; answers the pids of their processes. */
async function startAll({ endpoints }: ProviderProcess): Promise<number[]> {
  await using client = await connectContext(endpoints, PATIENT);
  const tasks = await (await client.command({ action: "start", transaction: "T1" })).settled(BOUND_MS);
  expect(tasks.map(({ lifecycle }) => lifecycle)).not.toContain("failed");
  return tasks.map(({ pid }) => pid as number);
}

function phrasesOf({ log }: ProviderProcess, task?: string): string[] {
  return log.all.filter((line) => line.task === task).map(({ msg }) => msg);
}

describe("F11: an exception that the provider has not caught", () => {
  test.each(["timer", "interval", "rejection", "listener"])(
    "of a %s is told once; the provider stops every task, leaves in order, and ends with code 70",
    async (way) => {
      breakBy(way);
      await using provider = await run(EACH);
      const pids = await startAll(provider);

      provider.signal("SIGUSR2");

      expect(await provider.exit).toEqual({ code: 70, signal: null });
      await untilGone(...pids);
      const told = provider.log.all.filter(({ msg }) => msg === "internal error, leaving");
      expect(told).toEqual([
        expect.objectContaining({ level: "error", reason: expect.stringMatching(/^Error: broken on purpose\n +at /) }),
      ]);
      for (const { id } of EACH) expect(phrasesOf(provider, id).at(-1)).toBe("stopped");
      expect(phrasesOf(provider).slice(-2)).toEqual(["transaction ended", "provider left"]);
    },
  );

  test("in a provider that can't leave in order any more ends it and all its tasks", async () => {
    breakBy("deafness");
    await using provider = await run(EACH, { grace_s: 0 });
    const pids = await startAll(provider);

    provider.signal("SIGUSR2");

    expect(await provider.exit).toEqual({ code: 70, signal: null });
    await untilGone(...pids);
    expect(phrasesOf(provider)).not.toContain("provider left");
  });

  test("before the provider takes commands ends it with code 70", async () => {
    breakBy("start");
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml(EACH));

    const child = spawn(process.execPath, [COMMAND, file], { stdio: ["ignore", "ignore", "pipe"] });
    const said: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => said.push(line));

    expect(await once(child, "close")).toEqual([70, null]);
    expect(said.join("\n")).toContain("broken on purpose");
    expect(said.join("\n")).not.toContain("provider ready");
  });
});

describe("F11: an exception that belongs to a task", () => {
  test("an effect that throws fails its task and no other", async () => {
    breakBy("spawn");
    await using provider = await run([program("ts_1", "sleep break-me"), program("ts_2", "sleep 1000")]);
    await using client = await connectContext(provider.endpoints, PATIENT);
    await (await client.command({ action: "start", transaction: "T1" })).settled(BOUND_MS);
    await provider.log.first(({ msg, task }) => msg === "running" && task === "ts_2");

    expect(await client.state("T1")).toEqual([
      expect.objectContaining({ service_id: "ts_1", lifecycle: "failed", reason: "broken on purpose" }),
      expect.objectContaining({ service_id: "ts_2", lifecycle: "running" }),
    ]);

    provider.signal("SIGTERM");
    expect(await provider.exit).toEqual({ code: 0, signal: null });
  });

  test("a log that throws ends nothing", async () => {
    await using context = await runContext([program("ts_1", "sleep 1000"), { id: "ts_2", instance: "Steady" }], {
      log: failingLog(),
    });

    expect((await context.start("T1")).map(({ lifecycle }) => lifecycle)).toEqual(["running", "running"]);
    expect((await context.stop("T1")).map(({ lifecycle }) => lifecycle)).toEqual(["stopped", "stopped"]);
  });

  test("figures that can't be had are an incident, and the state is answered all the same", async () => {
    const failing = {
      top: () => {
        throw new Error("broken on purpose");
      },
      entries: async () => [],
      async [Symbol.asyncDispose]() {},
    };
    await using context = await runContext([program("ts_1", "sleep 1000")], { watch: () => failing });
    await context.start("T1");

    context.client.top("T1").catch(() => {}); // there is no answer
    await context.log.first(({ level, phrase }) => level !== "info" && phrase === "no figures");

    expect(await context.client.state("T1")).toMatchObject([{ service_id: "ts_1", lifecycle: "running" }]);
  });

  test("a state folder that is gone while tasks run ends none of them", async () => {
    await using context = await runContext([program("ts_1", "sleep 1000")]);
    await context.start("T1");

    await rm(context.folder.at(".zcontext"), { recursive: true });
    await writeFile(context.folder.at(".zcontext"), "another's");
    await context.stop("T1");

    await context.log.first(({ phrase }) => phrase.startsWith("journal is in trouble"));
    expect(await context.client.running()).toEqual([]);
  });
});

describe("M15: a provider that is told to leave", () => {
  test("before it takes commands leaves in order, and starts nothing", async () => {
    breakBy("signal at the start");
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml([program("ts_1", "sleep 1000")]));

    const { code, stdout, stderr } = await runCommand("service-context", [file, "--start", "T1"]);

    expect({ code, stdout }).toEqual({ code: 0, stdout: [] });
    expect(stderr).toEqual([
      expect.stringMatching(/leaving, once every task has stopped +signal=SIGTERM /),
      expect.stringMatching(/provider left/),
    ]);
  });

  test("by a command says so", async () => {
    await using provider = await run([program("ts_1", "sleep 1000")]);
    await startAll(provider);
    await using client = await connectContext(provider.endpoints, PATIENT);

    await client.command({ action: "exit", transaction: "T1" });

    expect(await provider.exit).toEqual({ code: 0, signal: null });
    const told = provider.log.all.filter(({ msg }) => msg === "leaving, once every task has stopped");
    expect(told).toMatchObject([{ level: "info", command: "exit" }]);
  });

  /** Of three processes, none of which takes SIGTERM for an answer. */
  const deaf = script("ts_1", "trap '' TERM; sleep 1000 & sleep 1000 & echo 1; wait; sleep 1000", {
    supervision: { grace_s: 3_600 },
  });

  test("says which task it waits for, how long, what that was sent, and how many processes it has", async () => {
    await using provider = await run([deaf, program("ts_2", "sleep 1000")]);
    const pids = await startAll(provider);
    await provider.log.first(({ msg, task }) => msg === "output" && task === "ts_1");

    provider.signal("SIGTERM");
    const waiting = await provider.log.first(({ msg, waiting_for }) => msg === "waiting for tasks" && !!waiting_for);

    expect(waiting).toMatchObject({
      living: ["ts_1"],
      waiting_for: [expect.stringMatching(/^ts_1 \(\d+ s, SIGTERM sent, 3 pids\)$/)],
    });

    await untilSignalsHurry(provider);
    provider.signal("SIGTERM");
    expect(await provider.exit).toEqual({ code: 0, signal: null });
    await untilGone(...pids);
    expect(phrasesOf(provider).slice(-3)).toEqual(["ending every task now", "transaction ended", "provider left"]);
  });

  test("stops tasks that depend on others first, and at a second signal all at once", async () => {
    await using provider = await run([
      script("ts_1", "trap '' TERM; sleep 1000 & wait; sleep 1000"),
      { ...deaf, id: "ts_2", supervision: { grace_s: 3_600, depends_on: "ts_1" } },
    ]);
    const pids = await startAll(provider);

    provider.signal("SIGINT");
    const waiting = await provider.log.first(({ msg }) => msg === "waiting for tasks");

    expect(waiting).toMatchObject({ living: ["ts_1", "ts_2"], waiting_for: [expect.stringMatching(/^ts_2 /)] });

    await untilSignalsHurry(provider);
    provider.signal("SIGINT");
    expect(await provider.exit).toEqual({ code: 0, signal: null });
    await untilGone(...pids);
  });

  test("needs neither stdin nor a reader of its log", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml(EACH));
    const words = [
      "-c",
      'exec "$@" <&-',
      "sh",
      process.execPath,
      COMMAND,
      file,
      "--start",
      "T1",
      "--services_root",
      SERVICES,
    ];
    const child = spawn("sh", words, { stdio: ["ignore", "ignore", "pipe"] });
    const closed = once(child, "exit");
    for await (const line of createInterface({ input: child.stderr })) if (/ts_3 +running/.test(line)) break;

    child.stderr.destroy();
    child.kill("SIGTERM");

    expect(await closed).toEqual([0, null]);
  });
});

describe("a provider that was started on a terminal", () => {
  /** Starts it from this shell text; its log goes to a pipe, which outlives the terminal. */
  async function startFrom(shell: string, folder: Folder) {
    const file = await folder.write("Context-Test.xml", contextXml(EACH));
    spawnSync("mkfifo", [folder.at("log")]);
    const log = startProgram("cat", [folder.at("log")]);
    const words = [process.execPath, COMMAND, file, "--start", "T1", "--services_root", SERVICES];
    const terminal = startOnTerminal(["sh", "-c", shell, folder.at("log"), ...words], { cwd: folder.path });
    const lines = log.stdout;
    for (const id of ["ts_1", "ts_2", "ts_3"]) await lines.first((line) => new RegExp(`${id} +running`).test(line));
    const [, pid] = /provider ready .*pid=(\d+)/.exec(lines.all.join("\n")) ?? [];
    return { log, terminal, pid: Number(pid) };
  }

  test("leaves in order when that is closed, and reads its file again at a SIGHUP before", async () => {
    await using folder = await makeFolder();
    const started = await startFrom('exec "$@" 2> "$0"', folder);
    await using log = started.log;
    await using terminal = started.terminal;

    process.kill(started.pid, "SIGHUP");
    await log.stdout.first((line) => /nothing to be done/.test(line));
    terminal.hangsUp();

    expect(await log.exit).toBe(0);
    expect(log.stdout.all.filter((line) => /ts_\d +stopped /.test(line))).toHaveLength(EACH.length);
    expect(log.stdout.all.find((line) => line.includes("leaving"))).toMatch(/ signal=SIGHUP$/);
    // The last line: Node aborts at the end of a process when it can't restore the settings of its terminal.
    expect(log.stdout.all.at(-1)).toContain("provider left");
  });

  test("by nohup stays when that is closed", async () => {
    await using folder = await makeFolder();
    const started = await startFrom('nohup "$@" 2> "$0" & wait', folder);
    await using log = started.log;
    await using terminal = started.terminal;

    terminal.hangsUp();
    await log.stdout.first((line) => /reading the context file again +signal=SIGHUP/.test(line));
    process.kill(started.pid, "SIGTERM");

    expect(await log.exit).toBe(0);
    expect(log.stdout.all.find((line) => line.includes("leaving"))).toContain(" signal=SIGTERM ");
  });
});

// Without an init of its own there is none to ask: the kernel has to allow a process table of one's own.
describe.skipIf(!mayUnshare())("as the first process of a container (skipped where unshare is not allowed)", () => {
  test("a provider warns that no init reaps, and hears a signal from the first moment on", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("Context-Test.xml", contextXml([program("ts_1", "sleep 1000")]));
    await using container = startProgram("unshare", [...UNSHARE, process.execPath, COMMAND, file]);

    const first = await container.stderr.first(() => true);
    expect(first).toMatch(/no init reaps the orphans of tasks .*process 1; .*`docker run --init`.* tini/);
    const [provider] = (await started()).filter(({ command }) => command.startsWith(`${process.execPath} ${COMMAND}`));
    process.kill(provider?.pid as number, "SIGTERM");

    expect(await container.exit).toBe(0);
    expect(container.stderr.all.at(-1)).toContain("provider left");
  });
});

function mayUnshare(): boolean {
  return spawnSync("unshare", [...UNSHARE, "true"]).status === 0;
}

function failingLog(): Log {
  const fail = () => {
    throw new Error("broken on purpose");
  };
  return { debug: fail, info: fail, warn: fail, error: fail };
}
