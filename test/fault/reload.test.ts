// What goes wrong with a reload: F24, F25 and F39 of the catalogue, and a provider that is killed in the midst of one.
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { run } from "../support/command.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNothing, livingOf, type ProviderProcess, runProvider, script, writeContext } from "./support.ts";

leaveNothing();

/** A program that is ready once a file is there, and can be replaced while it runs. */
function web(version: string, readyFile = "/dev/null", but: { [name: string]: string } = {}): TaskXml {
  const text = `: ${version}; until [ -e ${readyFile} ]; do sleep 0.05; done; echo ready; exec sleep 600`;
  const supervision = { rolling: "true", min_healthy_s: "0", ready_log: "ready", ready_timeout_s: "60", ...but };
  return script("web", text, { supervision });
}

const other = script("other", "exec sleep 600");

const write = (file: string, ...tasks: TaskXml[]) => writeFile(file, contextXml(tasks));
const zcontext = (verb: string, file: string, ...words: string[]) => run("zcontext", [verb, "-f", file, ...words]);

async function start(folder: Folder, ...tasks: TaskXml[]): Promise<{ file: string; provider: ProviderProcess }> {
  const file = await writeContext(folder, tasks);
  const provider = await runProvider(file, { words: ["--start", "T1"] });
  for (const { id } of tasks) await provider.log.first(({ phrase, task }) => phrase === "running" && task === id);
  return { file, provider };
}

async function pidsOf(file: string): Promise<{ [id: string]: number }> {
  const { stdout } = await zcontext("status", file, "--transaction", "T1", "--json");
  const { tasks } = JSON.parse(stdout[0] ?? "{}");
  return Object.fromEntries(tasks.map(({ id, pid }: { id: string; pid: number }) => [id, pid]));
}

test("F24, F39: an invalid file and a version that never gets ready change nothing", async () => {
  await using folder = await makeFolder();
  const { file, provider: running } = await start(folder, web("one"), other);
  await using provider = running;
  const before = await pidsOf(file);

  await writeFile(file, "<Context><oops/></Context>");
  const invalid = await zcontext("apply", file);
  provider.signal("SIGHUP");
  await provider.log.first(({ phrase }) => phrase === "not reloaded");
  await write(file, web("two", folder.at("never"), { ready_timeout_s: "0.5" }), {
    ...other,
    arguments: ["-c", "sleep 9"],
  });
  const unready = await zcontext("apply", file);
  const planned = await zcontext("plan", file, "--exit_code");

  expect(invalid.code).toBe(2);
  expect(invalid.stderr.filter((line) => line.startsWith(`  ${file}:1:`)).length).toBeGreaterThan(5);
  expect(unready).toMatchObject({ code: 1, stdout: [] });
  expect(unready.stderr.join("\n")).toMatch(/ERR_ROLLED_BACK/);
  expect(planned.code).toBe(6);
  expect(planned.stdout.slice(1)).toEqual([
    expect.stringMatching(/^T1 +web +rolling /),
    expect.stringMatching(/^T1 +other +restart +command$/),
  ]);
  expect(await pidsOf(file)).toEqual(before);
});

test("F25: a file that is edited during a reload is for the next one, and two go one after the other", async () => {
  await using folder = await makeFolder();
  const { file, provider: running } = await start(folder, web("one"), other);
  await using provider = running;

  await write(file, web("two", folder.at("go")), other);
  const first = zcontext("apply", file, "--json");
  await provider.log.first(({ phrase }) => phrase === "replacement begun");
  await write(file, web("three"), other);
  const second = zcontext("apply", file, "--json");
  await provider.log.first(() => provider.log.all.filter(({ phrase }) => phrase === "command apply").length === 2);
  await folder.write("go", "");

  const answers = [await first, await second].map(({ code, stdout }) => ({ code, ...JSON.parse(stdout[0] ?? "{}") }));
  expect(answers).toMatchObject([
    { code: 0, result: "success", generation: 2, tasks: [{ task: "web", change: "rolling" }, { change: "same" }] },
    { code: 0, result: "success", generation: 3, tasks: [{ task: "web", change: "rolling" }, { change: "same" }] },
  ]);
  expect(await zcontext("plan", file, "--exit_code")).toMatchObject({ code: 0 });
});

test("a provider that is killed during a reload leaves one process of each task to the next, of the file as it is", async () => {
  await using folder = await makeFolder();
  const { file, provider: running } = await start(folder, web("one"), other);
  await using provider = running;
  await write(file, web("two", folder.at("go")));
  const applied = zcontext("apply", file);
  await provider.log.first(({ phrase }) => phrase === "replacement begun");
  const before = Object.values(await pidsOf(file));

  await provider.die();
  await folder.write("go", "");
  await using next = await runProvider(file);
  await next.log.first(({ phrase, task }) => phrase === "running" && task === "web");

  expect(await applied).toMatchObject({ code: 3 });
  expect(await livingOf(before)).toEqual([]);
  expect(Object.keys(await pidsOf(file))).toEqual(["web"]);
  expect(next.log.all.filter(({ phrase }) => phrase === "starting")).toHaveLength(1);
  expect(await zcontext("plan", file, "--exit_code")).toMatchObject({ code: 0 });
});
