// What commands do when the file of a running provider is changed, broken or removed: the provider's knowledge counts.
import { rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { run } from "../support/command.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startProvider } from "../support/provider.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";
const NOTE = "note: ";

function sleeper(id: string, seconds: number, supervision: NonNullable<TaskXml["supervision"]> = {}): TaskXml {
  return { id, instance: id, serviceType: "Executable", command: "sleep", arguments: [`${seconds}`], supervision };
}

/** A provider whose transaction T1 runs these tasks. */
async function startTasks(...tasks: TaskXml[]) {
  await using folder = await makeFolder({ [FILE]: contextXml(tasks) });
  const provider = await startProvider(folder.at(FILE), "--start", "T1");
  for (const { id } of tasks) await provider.log.first(({ msg, task }) => msg === "running" && task === id);
  return provider;
}

const command = (file: string, ...words: string[]) => run("conf-command", ["--context_file", file, ...words]);

describe.each([
  ["broken", (file: string) => writeFile(file, "<Context>"), "ERR_CONFIG_INVALID"],
  ["gone", (file: string) => rm(file), "ERR_CONFIG_UNREADABLE"],
])("with a file that is %s", (_, spoil, fault) => {
  test("everything but a start is obeyed, and says what is wrong with the file", async () => {
    await using provider = await startTasks(sleeper("ts001", 600));
    const { file } = provider;
    await spoil(file);

    const monitored = await run("context-monitor", ["--context_file", file, "--once"]);
    const started = await command(file, "--action", "start", "--new");
    const obeyed = [];
    for (const action of ["request", "top", "restart", "stop", "exit"])
      obeyed.push(await command(file, "--action", action));

    expect(started).toMatchObject({ code: 2, stdout: [] });
    expect(started.stderr[0]).toContain(fault);
    for (const { code, stderr } of [monitored, ...obeyed]) {
      expect({ code, warning: stderr[0] }).toEqual({ code: 0, warning: expect.stringMatching(`^warning: .*${fault}`) });
      expect(stderr).toContain(`the provider with pid ${provider.pid} runs ${file} as it was when it started`);
    }
  });
});

test("a task that is no longer in the file is stopped by its id", async () => {
  await using provider = await startTasks(sleeper("ts001", 600), sleeper("old", 600));
  await writeFile(provider.file, contextXml([sleeper("ts001", 600)]));

  const restarted = await command(provider.file, "--action", "restart", "--task_id", "old");
  const stopped = await command(provider.file, "--action", "stop", "--task_id", "old");

  expect(restarted.code).toBe(0);
  expect(stopped.code).toBe(0);
  expect(stopped.stdout.slice(2)).toEqual([expect.stringMatching(/^old +service_old +stopped /)]);
});

describe("a command for a task whose element has changed", () => {
  test.each([
    ["command", sleeper("ts001", 900)],
    ["supervision", sleeper("ts001", 600, { grace_s: "3" })],
  ])("obeys with what the provider has read, and says so: %s", async (part, changed) => {
    await using provider = await startTasks(sleeper("ts001", 600));
    await writeFile(provider.file, contextXml([changed]));
    const note = new RegExp(`^${part} of ts001 has changed in ${provider.file} since the provider read it`);

    const restarted = await command(provider.file, "--action", "restart");
    const stopped = await command(provider.file, "--action", "stop", "--json");

    expect(restarted).toMatchObject({
      code: 0,
      stdout: [expect.stringMatching("success"), expect.anything(), expect.anything()],
    });
    expect(restarted.stderr.find((line) => line.startsWith(NOTE))?.slice(NOTE.length)).toMatch(note);
    expect(stopped.stdout).toHaveLength(1);
    expect(JSON.parse(stopped.stdout[0] ?? "")).toMatchObject({
      result: "success",
      notes: [expect.stringMatching(note)],
    });
  });

  test("says so of the strategy, which is that of all tasks", async () => {
    await using provider = await startTasks(sleeper("ts001", 600));
    await writeFile(provider.file, contextXml([sleeper("ts001", 600)], { strategy: "one_for_all" }));

    const restarted = await command(provider.file, "--action", "restart");
    const stopped = await command(provider.file, "--action", "stop");

    for (const { code, stderr } of [restarted, stopped])
      expect({ code, notes: stderr.filter((line) => line.startsWith(NOTE)) }).toEqual({
        code: 0,
        notes: [expect.stringMatching("the strategy has changed to one_for_all .* what was there then, one_for_one;")],
      });
  });

  test("says nothing of that where it has not", async () => {
    await using provider = await startTasks(sleeper("ts001", 600), sleeper("ts002", 600));
    await writeFile(provider.file, contextXml([sleeper("ts001", 600), sleeper("ts002", 900)]));

    const { code, stderr } = await command(provider.file, "--action", "restart", "--task_id", "ts001");

    expect({ code, notes: stderr.filter((line) => line.startsWith(NOTE)) }).toEqual({ code: 0, notes: [] });
  });
});

test("with --watch a changed file and changed code are taken over, and what can't be waits for its next change", async () => {
  const service = (word: string) => `// ${word}
import { defineService, defineTask } from "zcontext/tasks";
const task = defineTask({ kind: "looped", async run(scope) { await scope.sleep(600_000); } });
export default defineService({ name: "own", description: "", task });
`;
  const own: TaskXml = { id: "own", instance: "Own" };
  await using folder = await makeFolder({ "services/Own/ServiceOwn.ts": service("one") });
  const located = { ...own, configuration: `<location>${folder.at("services")}</location>` };
  await folder.write(FILE, contextXml([located]));
  await using provider = await startProvider(folder.at(FILE), "--start", "T1", "--watch");
  await provider.log.first(({ msg, task }) => msg === "running" && task === "own");
  const count = (phrase: string) => provider.log.all.filter(({ msg }) => msg === phrase).length;

  await folder.write("services/Own/ServiceOwn.ts", "export default {");
  await provider.log.first(() => count("not reloaded") === 1);
  await folder.write("services/Own/ServiceOwn.ts", service("two"));
  await provider.log.first(() => count("reload done") === 1);
  await writeFile(provider.file, contextXml([located, sleeper("new", 600)]));
  await provider.log.first(() => count("reload done") === 2);

  const done = provider.log.all.filter(({ msg }) => msg === "reload done").map(({ tasks }) => tasks);
  expect(done).toEqual([["restart own"], ["added new"]]);
  expect(count("not reloaded")).toBe(1);
});
