// What a task is given to live in, as the process table shows it: folder, variables, priority and limits.
import { chmod, readdir, readFile, readlink, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { type MonitorOptions, type ProcessesFound, startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type LogLine, type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { isLiving, untilGone } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";
import { stopHeard } from "./runs.ts";
import {
  hearTransitions,
  leaveNothing,
  NEVER_S,
  program,
  runProvider,
  script,
  untilPrinted,
  writeContext,
} from "./support.ts";

leaveNothing();

/** Says that it is up, and waits; ready once it has. */
const UP = "echo up; exec sleep 1000";

function ready(id: string, text: string, supervision: TaskXml["supervision"] = {}): TaskXml {
  return script(id, text, { supervision: { ready_log: "^up$", ...supervision } });
}

/** The environment that a process was started with. */
async function environmentOf(pid: number): Promise<{ [name: string]: string | undefined }> {
  const entries = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").filter((entry) => entry.includes("="));
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** Starts the context's only task again, and answers the pid of the new process. */
async function restarted(context: RunningContext): Promise<number> {
  const [record] = await (await context.client.command({ action: "restart", transaction: "T1" })).settled(BOUND_MS);
  return record?.pid as number;
}

async function startedPid(context: RunningContext): Promise<number> {
  const [record] = await context.start("T1");
  return record?.pid as number;
}

describe("working_folder", () => {
  test("is where a program runs, from the folder of the context file, which is the default", async () => {
    await using context = await runContext([
      ready("ts_1", `pwd; ${UP}`),
      ready("ts_2", `pwd; ${UP}`, { working_folder: "data" }),
      ready("ts_3", `pwd; ${UP}`, { working_folder: "/" }),
    ]);
    await context.folder.write("data/.keep", "");

    await context.start("T1");
    const folders = context.log.all.flatMap(({ phrase, line }) => (phrase === "output" && line !== "up" ? [line] : []));
    await context.stop("T1");

    expect(folders.sort()).toEqual([context.folder.path, context.folder.at("data"), "/"].sort());
  });

  test("is where a service of ours runs", async () => {
    await using context = await runContext([
      { id: "ts_1", instance: "Steady", supervision: { working_folder: "data" } },
    ]);
    await context.folder.write("data/.keep", "");

    const pid = await startedPid(context);
    const cwd = await readlink(`/proc/${pid}/cwd`);
    await context.stop("T1");

    expect(cwd).toBe(context.folder.at("data"));
  });

  test("that is not there is a failure with its name", async () => {
    await using context = await runContext([ready("ts_1", UP, { working_folder: "nowhere" })]);

    const [record] = await context.start("T1");

    expect(record).toMatchObject({ lifecycle: "failed", reason: expect.stringContaining("nowhere") });
  });
});

describe("variables", () => {
  test("of an env_file are read anew at each start, and what was removed is gone", async () => {
    await using context = await runContext([ready("ts_1", UP, { env_file: "task.env" })]);
    await context.folder.write("task.env", "KEPT=1\nCHANGED=before\nREMOVED=secret\n");

    const before = await environmentOf(await startedPid(context));
    await context.folder.write("task.env", "KEPT=1\nCHANGED=after\n");
    const after = await environmentOf(await restarted(context));
    await context.stop("T1");

    expect(before).toMatchObject({ KEPT: "1", CHANGED: "before", REMOVED: "secret" });
    expect(after).toMatchObject({ KEPT: "1", CHANGED: "after" });
    expect(after).not.toHaveProperty("REMOVED");
  });

  test("of an env_file that is broken meanwhile keep the task from starting, and are named by their line only", async () => {
    await using context = await runContext([ready("ts_1", UP, { env_file: "task.env" })]);
    await context.folder.write("task.env", "KEPT=1\n");
    const pid = await startedPid(context);

    await context.folder.write("task.env", "KEPT=1\nmy secret has white space\n");
    await context.client.command({ action: "restart", transaction: "T1" });
    const { reason } = await context.untilState("T1", "ts_1", "failed");
    await untilGone(pid);

    expect(reason).toContain("task.env");
    expect(reason).toContain("2");
    expect(reason).not.toContain("secret");
  });

  test("of an env_file that leads out of the folder by a link are refused", async () => {
    await using elsewhere = await makeFolder({ "secret.env": "SECRET=1\n" });
    await using context = await runContext([ready("ts_1", UP, { env_file: "task.env" })]);
    await symlink(elsewhere.at("secret.env"), context.folder.at("task.env"));

    const [record] = await context.start("T1");

    expect(record).toMatchObject({
      lifecycle: "failed",
      reason: expect.stringContaining("leads out of the folder of the context file"),
      pid: null,
    });
  });

  test("of an env_file that a linked folder leads out with are refused", async () => {
    await using elsewhere = await makeFolder({ "secret.env": "SECRET=1\n" });
    await using context = await runContext([ready("ts_1", UP, { env_file: "linked/secret.env" })]);
    await symlink(elsewhere.path, context.folder.at("linked"));

    const [record] = await context.start("T1");

    expect(record).toMatchObject({ lifecycle: "failed", reason: expect.stringContaining("leads out of the folder") });
  });
});

describe("a PATH of its own", () => {
  test("finds the command of a task, and the program of its probe, which runs where the task runs", async () => {
    const probe = { ready_exec: "check ready", env_file: "task.env", working_folder: "data" };
    await using context = await runContext([
      program("ts_1", "tool", { readyAfterS: NEVER_S, supervision: probe }),
      program("ts_2", "tool", { supervision: { env_file: "task.env" } }),
    ]);
    const { folder } = context;
    await folder.write("task.env", `PATH=bin:${folder.at("venv")}:/usr/bin:/bin\n`);
    await folder.write("data/ready", "");
    const tool = (text: string) => `#!/bin/sh\necho "${text}"; exec sleep 1000\n`;
    const tools = {
      "data/bin/tool": tool("beside ts_1"),
      "venv/tool": tool("of the venv"),
      "venv/check": `#!/bin/sh\ntest -e "$1" && test "$ZCONTEXT_SERVICE_ID" = ts_1\n`,
    };
    for (const [name, text] of Object.entries(tools)) await chmod(await folder.write(name, text), 0o755);

    const records = await context.start("T1");
    const printed = await Promise.all(["ts_1", "ts_2"].map((id) => firstLine(context, id)));
    await context.stop("T1");

    expect(records.map(({ lifecycle }) => lifecycle)).toEqual(["running", "running"]);
    expect(printed).toEqual(["beside ts_1", "of the venv"]);
  });
});

describe("a configuration", () => {
  const table = "0.12345 ".repeat(17_500);
  const large = (id: string, but: Partial<TaskXml> = {}): TaskXml => ({
    ...ready(id, `cat "$ZCONTEXT_CONFIGURATION_FILE"; echo "; \${ZCONTEXT_CONFIGURATION-no variable}"; ${UP}`),
    configuration: `<table>${table}</table>`,
    ...but,
  });

  test("too long for a variable is in a file as long as the run lasts, for the user of the provider only", async () => {
    await using context = await runContext([
      ready("ts_1", `echo "$ZCONTEXT_CONFIGURATION \${ZCONTEXT_CONFIGURATION_FILE-no file}"; ${UP}`),
      { ...large("ts_2"), arguments: ["-c", `wc -c < "$ZCONTEXT_CONFIGURATION_FILE"; ${UP}`] },
    ]);
    const folder = context.folder.at(".zcontext/Context-Test.configurations");

    await context.start("T1");
    const printed = await Promise.all(["ts_1", "ts_2"].map((id) => firstLine(context, id)));
    const names = await readdir(folder);
    const modes = await Promise.all([folder, ...names.map((name) => join(folder, name))].map((path) => stat(path)));
    const pid = await restartedPid(context, "ts_2");
    const { ZCONTEXT_CONFIGURATION_FILE: file } = await environmentOf(pid);
    const afterwards = await readdir(folder);
    await context.stop("T1");

    expect(printed).toEqual([
      '{"device_action":"test"} no file',
      String(JSON.stringify({ table: table.trim() }).length),
    ]);
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(["700", "600"]);
    expect(afterwards.map((name) => join(folder, name))).toEqual([file]);
    expect(names).not.toEqual(afterwards);
    expect(await readdir(folder)).toEqual([]);
  });

  test("of a provider that was killed is removed by the next one", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [large("ts_1")]);
    const configurations = folder.at(".zcontext/Context-Test.configurations");
    const isStarted = ({ phrase }: LogLine) => phrase === "running";
    await using killed = await runProvider(file, { words: ["--start", "T1"] });
    await killed.log.first(isStarted);
    await killed.die();
    const left = await readdir(configurations);

    await using next = await runProvider(file);
    await next.log.first(isStarted);

    expect(left).toHaveLength(1);
    expect(await readdir(configurations)).toHaveLength(1);
    expect(await readdir(configurations)).not.toEqual(left);
  });

  test("of a service takes its pipe, and needs no file", async () => {
    await using context = await runContext([
      { id: "ts_1", instance: "EchoesItsStartData", configuration: `<table>${table}</table>` },
    ]);

    context.provider.start("T1");
    const { status } = await context.untilSaid("ts_1", "updated");
    await context.untilState("T1", "ts_1", "exited");

    expect(status.configuration).toEqual({ table: table.trim() });
    await expect(readdir(context.folder.at(".zcontext/Context-Test.configurations"))).rejects.toThrow("ENOENT");
  });
});

test("variables that are too long together are named in the reason, with the limit", async () => {
  await using context = await runContext([ready("ts_1", UP, { env_file: "task.env" })]);
  const lines = Array.from({ length: 60 }, (_, index) => `V${index}=${"x".repeat(120_000)}\n`);
  await context.folder.write("task.env", lines.join(""));

  const [record] = await context.start("T1");

  expect(record).toMatchObject({ lifecycle: "failed", pid: null });
  expect(record?.reason).toMatch(
    /^all arguments and variables have 7\d{6} bytes together, and the system takes at most \d+ .*; the longest: the variable V10 has 120004 bytes/,
  );
});

describe("stdin", () => {
  test("of a program ends at once, and the reason of one that goes on leaving says what to do", async () => {
    const leaves = { restart: "always", max_restarts: 1, backoff_min_s: 0.01, backoff_max_s: 0.01 };
    await using context = await runContext([
      program("ts_1", "cat", { supervision: leaves }),
      program("ts_2", "false", { supervision: leaves }),
    ]);

    context.provider.start("T1");
    const [leaving, failing] = await Promise.all(["ts_1", "ts_2"].map((id) => context.untilState("T1", id, "failed")));

    expect(leaving?.reason).toBe(
      'it has ended more than once within 60 s; if it leaves when its standard input ends, set stdin="open" in its <Supervision>',
    );
    expect(failing?.reason).not.toContain("stdin");
  });

  test("that is open keeps a program until it is told to stop", async () => {
    await using context = await runContext([
      program("ts_1", "sh", {
        // Opened again by its name, as a program may do that does not know of an input.
        arguments: ["-c", "exec 4</dev/stdin && echo up; cat <&4; echo the input has ended"],
        supervision: { stdin: "open", ready_log: "^up$" },
      }),
      { id: "ts_2", instance: "Steady", supervision: { stdin: "open" } },
    ]);

    const records = await context.start("T1");
    const gone = await context.stop("T1");
    const lines = context.log.all.flatMap(({ phrase, task, line }) =>
      phrase === "output" && task === "ts_1" ? line : [],
    );

    expect(records.map(({ lifecycle }) => lifecycle)).toEqual(["running", "running"]);
    expect(gone.map(({ lifecycle }) => lifecycle)).toEqual(["stopped", "stopped"]);
    expect(lines).toEqual(["up"]);
  });

  test("that is open does not keep a program whose provider was killed", async () => {
    await using folder = await makeFolder();
    const cat = program("ts_1", "cat", { supervision: { stdin: "open" } });
    await using provider = await runProvider(await writeContext(folder, [cat]), {
      words: ["--start", "T1", "--no-resume"],
    });
    const { pid } = await provider.log.first(({ phrase }) => phrase === "running");

    await provider.die();

    await untilGone(pid as number);
  });
});

test("a program in Python does not keep what it prints, unless its own environment says so", async () => {
  const print = `echo "\${PYTHONUNBUFFERED-unset}"; ${UP}`;
  vi.stubEnv("PYTHONUNBUFFERED", undefined);
  await using context = await runContext([ready("ts_1", print), ready("ts_2", print, { env_file: "task.env" })]);
  await context.folder.write("task.env", "PYTHONUNBUFFERED=\n");

  await context.start("T1");
  const printed = await Promise.all(["ts_1", "ts_2"].map((id) => firstLine(context, id)));
  await context.stop("T1");

  expect(printed).toEqual(["1", ""]);
});

test("a program in Python finds our module first, then what its environment or the provider's names", async () => {
  const print = `echo "$PYTHONPATH"; ${UP}`;
  vi.stubEnv("PYTHONPATH", "/of/the/provider");
  await using context = await runContext([ready("ts_1", print), ready("ts_2", print, { env_file: "task.env" })]);
  await context.folder.write("task.env", "PYTHONPATH=/of/the/task\n");

  await context.start("T1");
  const printed = await Promise.all(["ts_1", "ts_2"].map((id) => firstLine(context, id)));
  await context.stop("T1");

  const ours = fileURLToPath(new URL("../../python", import.meta.url));
  expect(printed).toEqual([`${ours}:/of/the/provider`, `${ours}:/of/the/task`]);
});

/** Restarts one task of several, and answers the pid of its new process. */
async function restartedPid(context: RunningContext, id: string): Promise<number> {
  const configuration = { TaskService: [{ id }] };
  const restarting = await context.client.command({ action: "restart", transaction: "T1", configuration });
  const records = await restarting.settled(BOUND_MS);
  return records.find(({ service_id }) => service_id === id)?.pid as number;
}

async function firstLine({ log }: RunningContext, id: string): Promise<unknown> {
  const { line } = await log.first(({ phrase, task }) => phrase === "output" && task === id);
  return line;
}

test("nice and files_max hold for the process, and for no other", async () => {
  await using context = await runContext([
    ready("ts_1", UP, { nice: 7, files_max: 123 }),
    { id: "ts_2", instance: "Steady", supervision: { nice: 3, files_max: 456 } },
    ready("ts_3", UP),
  ]);

  const records = await context.start("T1");
  const seen = await Promise.all(records.map(({ pid }) => limitsOf(pid as number)));
  const own = await limitsOf(process.pid);
  await context.stop("T1");

  expect(seen).toEqual([{ nice: own.nice + 7, files: [123, 123] }, { nice: own.nice + 3, files: [456, 456] }, own]);
});

describe("memory_max_mib", () => {
  const grows = fileURLToPath(new URL("../fixtures/programs/grows.mjs", import.meta.url));
  const watch = (source: Omit<Parameters<typeof startMonitor>[0], "sampler">) =>
    startMonitor({ sampler: createSampler(), periodMs: 100, ...source });

  test("a task that grows beyond it has failed, be it itself or a child of it", async () => {
    const growing = (id: string, ...words: string[]): TaskXml =>
      program(id, `'${process.execPath}' '${grows}'`, {
        arguments: ["300", ...words],
        supervision: { memory_max_mib: 250, ready_log: "^\\d+$", grace_s: 1 },
        triggers: { on_fail: "start ts_4" },
      });
    await using context = await runContext(
      [
        growing("ts_1"),
        growing("ts_2", "in a child"),
        program("ts_3", "sleep 1000", { supervision: { memory_max_mib: 250 } }),
        program("ts_4", "sleep 1000", { entry: "on_demand" }),
      ],
      { watch },
    );
    await using ear = await hearTransitions(context.endpoints);
    const records = await context.start("T1");
    const [own = 0] = await untilPrinted(context, "ts_1", 1);
    const [child = 0] = await untilPrinted(context, "ts_2", 1);

    for (const pid of [own, child]) process.kill(pid, "SIGUSR2");
    const failed = [await context.untilState("T1", "ts_1", "failed"), await context.untilState("T1", "ts_2", "failed")];
    await ear.until("ts_4", "running");
    const living = await Promise.all([own, child, records[1]?.pid as number].map(isLiving));
    await stopHeard(context, ear);

    expect(own).toBe(records[0]?.pid);
    for (const { reason } of failed) expect(reason).toMatch(/^its processes hold \d+ MiB \(PSS\), more than 250 MiB$/);
    expect(living).toEqual([false, false, false]);
    for (const id of ["ts_1", "ts_2"]) expect(ear.pathOf(id)).toEqual(["starting", "running", "stopping", "failed"]);
    expect(ear.pathOf("ts_3")).toEqual(["starting", "running", "stopping", "stopped"]);
  });

  test("counts memory that processes share once, and names the figure when it ends a task", async () => {
    const path = fileURLToPath(new URL("../fixtures/programs/shares-memory.py", import.meta.url));
    const sharing = (id: string, limit: number): TaskXml =>
      program(id, "python3", {
        arguments: [path, "80"],
        supervision: { memory_max_mib: limit, ready_log: "^shared$", grace_s: 1 },
      });
    const found = awaitEvents<ProcessesFound & { id: string }>("what was found of tasks", (one) => JSON.stringify(one));
    const inspected = ({ inspect, ...source }: Omit<MonitorOptions, "sampler">) =>
      watch({
        ...source,
        inspect(transaction, id, processes) {
          found.add({ id, ...processes });
          inspect?.(transaction, id, processes);
        },
      });
    // 80 MiB are resident in each of eight processes, which together hold little more.
    await using context = await runContext([sharing("ts_1", 300), sharing("ts_2", 60)], { watch: inspected });
    await using ear = await hearTransitions(context.endpoints);

    const starting = context.start("T1");
    const { reason } = await context.untilState("T1", "ts_2", "failed");
    await ear.until("ts_1", "running");
    const { memory } = await found.first(({ id }) => id === "ts_1", { from: found.all.length });
    await starting;
    await stopHeard(context, ear);

    expect(reason).toMatch(/^its processes hold \d+ MiB \(PSS\), more than 60 MiB$/);
    expect(memory).toEqual({ mib: expect.any(Number), figure: "pss" });
    expect(memory?.mib).toBeGreaterThan(80);
    expect(memory?.mib).toBeLessThan(300);
    expect(ear.pathOf("ts_1")).toEqual(["starting", "running", "stopping", "stopped"]);
  });
});

/** Its priority and its limits of open files, soft and hard. */
async function limitsOf(pid: number): Promise<{ nice: number; files: number[] }> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(await readFile(`/proc/${pid}/limits`, "latin1")) ?? [];
  return { nice: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]), files: [Number(soft), Number(hard)] };
}
