// `zcontext why` and `zcontext history` as a user types them: while a provider runs, after it was killed, after its
// transaction is over, and where only the journal is left.
import { rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** `first` ends, and its trigger starts `second`, which fails, once more, and for good. */
function makeContext(): Promise<Folder> {
  const tasks = [
    { ...shell("first", "exit 0"), triggers: { on_exit: "start second" } },
    {
      ...shell("second", "echo 'Error: no bus' >&2; exit 127"),
      entry: "on_demand",
      supervision: { restart: "on-failure", max_restarts: 1, backoff_min_s: 0.1 },
    },
  ];
  return makeFolder({ "Context-Test.xml": contextXml(tasks) });
}

async function ask(folder: Folder, verb: "why" | "history", ...words: string[]) {
  return run("zcontext", [verb, "-f", folder.at("Context-Test.xml"), ...words]);
}

interface Told {
  chain: { kind: string; task: string; to?: string; event: string }[];
  stderr: { line: string }[];
  [field: string]: unknown;
}

async function story(folder: Folder, ...words: string[]): Promise<Told> {
  const { stdout } = await ask(folder, "why", "--json", ...words);
  return JSON.parse(stdout.join(""));
}

describe("of a transaction that is over, without a provider,", () => {
  test("the chain of causes is told in sentences, with the last lines on stderr", async () => {
    await using folder = await makeContext();
    expect((await run("service-context", [folder.at("Context-Test.xml"), "--until_done"])).code).toBe(1);

    const { code, stdout } = await ask(folder, "why", "--task_id", "second");

    expect(code).toBe(0);
    expect(stdout[0]).toMatch(
      /^second has failed \(transaction \w+, run 2, pid \d+; since .*\): the process ended with code 127: Error: no bus; it has ended more than once within 60 s$/,
    );
    expect(stdout[1]).toMatch(/^no restart follows by itself/);
    const sentences = stdout.map((line) =>
      line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}/, "").replace(/process \d+/, "process N"),
    );
    expect(sentences.slice(3, 10)).toEqual([
      "first was started, run 1 by command",
      "first came to an end, its process N ended with code 0; that was no failure",
      "on_exit of first asks to start second",
      "second was started, run 1 by on_exit of first",
      expect.stringMatching(
        /^second came to an end, its process N ended with code 127 \(a command was not found\); it was to be restarted in [\d.]+ s, restart 1 of 1 within 60 s$/,
      ),
      "second was started, run 2 after the pause",
      "second came to an end, its process N ended with code 127 (a command was not found); it has failed, and is not restarted: it has ended more than once within 60 s",
    ]);
    expect(stdout.at(-1)).toMatch(/ {2}! Error: no bus$/);
  });

  test("the same is there as JSON, and without the logs what the journal knows", async () => {
    await using folder = await makeContext();
    await run("service-context", [folder.at("Context-Test.xml"), "--until_done"]);
    const told = await story(folder, "--task_id", "second");
    await rm(folder.at(".zcontext", "Context-Test.logs"), { recursive: true });
    const journalled = await story(folder, "--task_id", "second");

    expect(told).toMatchObject({
      task: "second",
      state: "failed",
      run: 2,
      isLost: false,
      stderr: [{ line: "Error: no bus" }],
    });
    expect(told.chain.filter(({ kind }) => kind === "triggered")).toMatchObject([{ task: "first", event: "on_exit" }]);
    expect(journalled).toMatchObject({ task: "second", state: "failed", run: 2, isLost: false, stderr: [] });
    const steps = ({ chain }: Told) =>
      chain.flatMap(({ kind, task, to }) => (kind === "moved" && task === "second" ? [to] : []));
    expect(steps(journalled)).toEqual(steps(told));
  });

  test("the steps are listed, of all tasks or of some", async () => {
    await using folder = await makeContext();
    await run("service-context", [folder.at("Context-Test.xml"), "--until_done"]);

    const { stdout: table } = await ask(folder, "history");
    const { stdout: lines } = await ask(folder, "history", "--task_id", "second", "--json", "--tail", "2");

    expect(table[0]?.split(/ {2,}/)).toEqual(["TIME", "TASK", "FROM", "TO", "RUN", "PID", "WHY"]);
    expect(table.at(-1)).toMatch(/ second +starting +failed +2 +\d+ +the process ended with code 127: Error: no bus; /);
    expect(lines.map((line) => JSON.parse(line).to)).toEqual(["starting", "failed"]);
  });

  test("a task or a transaction that nothing is known of is an error that names those there are", async () => {
    await using folder = await makeContext();
    await run("service-context", [folder.at("Context-Test.xml"), "--until_done"]);

    const task = await ask(folder, "why", "--task_id", "third");
    const transaction = await ask(folder, "why", "--task_id", "first", "--transaction", "T9", "--json");

    expect(task.code).toBe(1);
    expect(task.stderr).toEqual([
      expect.stringContaining("ERR_TASK_UNKNOWN"),
      expect.stringContaining("first, second"),
    ]);
    expect(JSON.parse(transaction.stdout.join(""))).toMatchObject({
      result: "failure",
      code: "ERR_TRANSACTION_UNKNOWN",
    });
  });
});

test("a task is told to run while its provider does, to be lost when that was killed, and to run again with the next", async () => {
  const tasks = [shell("pump", "echo here; exec sleep 1000")];
  await using folder = await makeFolder({ "Context-Test.xml": contextXml(tasks) });
  const words = [folder.at("Context-Test.xml"), "--start", "T1"];
  const isRunning = (line: string) => / pump +running /.test(line);
  {
    await using provider = startCommand("service-context", words);
    await provider.stderr.first(isRunning);
    expect(await story(folder, "--task_id", "pump")).toMatchObject({ state: "running", isLost: false });
    provider.signal("SIGKILL");
    await provider.exit;
  }
  expect(await story(folder, "--task_id", "pump")).toMatchObject({ state: "running", isLost: true, transaction: "T1" });

  await using next = startCommand("service-context", words);
  await next.stderr.first(isRunning);
  const told = await story(folder, "--task_id", "pump");
  expect(told).toMatchObject({ state: "running", isLost: false });
});

test("the contexts that run are listed, and those that don't are not", async () => {
  const tasks = [shell("pump", "exec sleep 1000"), shell("valve", "exec sleep 1000")];
  await using folder = await makeFolder({ "Context-Test.xml": contextXml(tasks) });
  const file = folder.at("Context-Test.xml");
  const listed = async () =>
    (await run("zcontext", ["list", "--json"])).stdout
      .map((line) => JSON.parse(line))
      .filter((provider) => provider.file === file);
  expect(await listed()).toEqual([]);
  await using provider = startCommand("service-context", [file]);
  await provider.stderr.first((line) => line.includes("provider ready"));

  expect(await listed()).toMatchObject([{ pid: provider.pid, context: "context001", tasks: 2 }]);
  expect((await run("zcontext", ["list"])).stdout[0]?.split(/ +/)).toEqual(["FILE", "PID", "CONTEXT", "TASKS"]);
});

test("what is known of a context that never ran is an error", async () => {
  await using folder = await makeContext();

  const { code, stderr } = await ask(folder, "history");

  expect(code).toBe(2);
  expect(stderr[0]).toMatch(/^error: nothing is known of Context-Test in .*ERR_CONFIG_UNREADABLE/);
});
