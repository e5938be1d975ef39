// What keeps a log from being written harms no task and not the provider, is told, and mends itself.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type Finished, programOf, type RunningCommand, run, startCommand, startProgram } from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNothing, script, until, writeContext } from "./support.ts";

leaveNothing();

/** Prints a line whenever a file of the name `say` has gone: its number. */
const SAYS = "n=0; while :; do n=$((n + 1)); echo line $n; : > say; while [ -e say ]; do sleep 0.02; done; done";

interface LogLine {
  msg: string;
  [field: string]: unknown;
}

/** The lines of a provider's log that say this. */
function saying({ stderr }: RunningCommand, msg: string): LogLine[] {
  return stderr.all.map((line) => JSON.parse(line) as LogLine).filter((line) => line.msg === msg);
}

const WORDS = ["--start", "T1", "--log_format", "json"];

/** Waits until the provider has read so many lines of the task. */
async function untilRead(provider: RunningCommand, line: string): Promise<void> {
  await provider.stderr.first((each) => JSON.parse(each).line === line);
}

async function logsOf(folder: Folder, ...words: string[]): Promise<Finished> {
  return run("zcontext", ["logs", "-f", folder.at("Context-Test.xml"), "--json", "--tail", "all", ...words]);
}

/** The lines that are kept, in their order. */
async function keptLines(folder: Folder): Promise<string[]> {
  const { stdout } = await logsOf(folder);
  return stdout.map((line) => JSON.parse(line).line);
}

const logsFolder = (folder: Folder) => folder.at(".zcontext", "Context-Test.logs");

describe.each<[string, (folder: Folder) => Promise<unknown>, (folder: Folder) => Promise<unknown>]>([
  ["is removed", (folder) => rm(logsFolder(folder), { recursive: true }), async () => {}],
  [
    "is replaced by a file",
    async (folder) => {
      await rm(logsFolder(folder), { recursive: true });
      await writeFile(logsFolder(folder), "");
    },
    (folder) => rm(logsFolder(folder)),
  ],
  [
    "has a folder in the place of a file",
    async (folder) => {
      await rm(`${logsFolder(folder)}/ts_1.log`);
      await mkdir(`${logsFolder(folder)}/ts_1.log`);
    },
    (folder) => rm(`${logsFolder(folder)}/ts_1.log`, { recursive: true }),
  ],
])("when the folder of the logs %s", (_, harm, mend) => {
  test("the task goes on, and what it prints is kept as soon as that is possible", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [script("ts_1", SAYS)]);
    await using provider = startCommand("service-context", [file, ...WORDS]);
    await untilRead(provider, "line 1");
    await until("the first line is kept", async () => (await keptLines(folder)).length === 1);
    await harm(folder);
    await rm(folder.at("say"));
    await untilRead(provider, "line 2");
    await mend(folder);

    await until("the second line is kept", async () => (await keptLines(folder)).includes("line 2"));
  });
});

const MOUNT = ["-rm", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'];

describe.skipIf(spawnSync("unshare", [...MOUNT, "/mnt", "true"]).status !== 0)("on a full disk", () => {
  test("a task that floods its log runs to its end, no line of another is lost, and the rest is counted", async () => {
    await using folder = await makeFolder();
    await mkdir(folder.at("state"));
    const file = await writeContext(folder, [script("ts_1", "seq 200000; exec sleep 1000"), script("ts_2", `${SAYS}`)]);
    const command = [process.execPath, programOf("service-context"), file, ...WORDS, "--state_dir", folder.at("state")];
    await using provider = startProgram("unshare", [...MOUNT, folder.at("state"), ...command]);
    await untilRead(provider, "200000");
    await provider.stderr.first((line) => JSON.parse(line).msg === "logs of tasks can't be written");
    await rm(folder.at("say"));
    await untilRead(provider, "line 2");

    const [told] = saying(provider, "logs of tasks can't be written");
    expect(told).toMatchObject({ level: "warn", reason: expect.stringContaining("ENOSPC") });
    const { stdout, code } = await run("conf-command", ["--action", "request", "--context_file", file, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.join("")).tasks).toMatchObject([{ state: "running" }, { state: "running" }]);
    // It stays within what it is allowed, and is told once, however many lines come.
    expect(saying(provider, "logs of tasks can't be written").length).toBeLessThan(20);
  });
});

// The modes of a folder mean nothing to root: a mount that is read-only does.
const COVER = [
  ...["-rm", "sh", "-c"],
  'mount -t tmpfs -o ro none "$0" && (while kill -0 $$ && [ ! -e "$1" ]; do sleep 0.02; done; umount "$0") 2>&- & ' +
    'until mountpoint -q "$0"; do :; done; shift; exec "$@"',
];

describe.skipIf(spawnSync("unshare", [...MOUNT, "/mnt", "true"]).status !== 0)("in a folder that is read-only", () => {
  test("the task goes on, that is told, and what it prints is kept once the folder can be written", async () => {
    await using folder = await makeFolder();
    const file = await writeContext(folder, [script("ts_1", SAYS)]);
    await mkdir(logsFolder(folder), { recursive: true, mode: 0o700 });
    const command = [process.execPath, programOf("service-context"), file, ...WORDS];
    await using provider = startProgram("unshare", [...COVER, logsFolder(folder), folder.at("mend"), ...command]);
    await untilRead(provider, "line 1");
    await provider.stderr.first((line) => JSON.parse(line).msg === "logs of tasks can't be written");
    await until("the task waits", async () => existsSync(folder.at("say")));
    await rm(folder.at("say"));
    await untilRead(provider, "line 2");
    await writeFile(folder.at("mend"), "");

    await until("both lines are kept", async () => (await keptLines(folder)).length === 2);

    const [told] = saying(provider, "logs of tasks can't be written");
    expect(told).toMatchObject({ level: "warn", reason: expect.stringContaining("EROFS") });
    expect(await keptLines(folder)).toEqual(["line 1", "line 2"]);
    await provider.stderr.first((line) => JSON.parse(line).msg === "logs of tasks are written again");
  });
});

test("a flood of one task is within the bound of all files, and other tasks lose nothing", async () => {
  await using folder = await makeFolder();
  const file = await writeContext(folder, [script("ts_1", "seq 300000; exec sleep 1000"), script("ts_2", SAYS)]);
  const words = ["--log_size", "8", "--log_file_size", "1", "--log_files", "3"];
  await using provider = startCommand("service-context", [file, ...WORDS, ...words]);
  await untilRead(provider, "300000");
  await until("it is kept", async () => {
    const { stdout } = await logsOf(folder, "--task_id", "ts_1", "--grep", "^300000$");
    return stdout.length === 1;
  });

  const names = await readdir(logsFolder(folder));
  const sizes = await Promise.all(names.map(async (name) => (await stat(`${logsFolder(folder)}/${name}`)).size));
  expect(names.filter((name) => name.startsWith("ts_1.log")).length).toBeLessThanOrEqual(3);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
  expect((await logsOf(folder, "--task_id", "ts_2")).stdout.map((line) => JSON.parse(line).line)).toEqual(["line 1"]);
});
