// `zcontext logs` as a user types it: which lines it prints, and that it follows and ends.
import { describe, expect, test } from "vitest";
import { run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** Runs a context to its end, and leaves what it has kept. */
async function makeRun(...words: string[]): Promise<Folder> {
  const tasks = [
    shell("pump", "echo one; echo 'a leak' >&2; printf 'no end'"),
    shell("valve", "echo two; echo three; echo four"),
  ];
  const folder = await makeFolder({ "Context-Test.xml": contextXml(tasks) });
  const { code } = await run("service-context", [folder.at("Context-Test.xml"), "--until_done", ...words]);
  expect(code).toBe(0);
  return folder;
}

describe("the logs of a context that is over", () => {
  test("are printed in the order of their times, with date, task and stream", async () => {
    await using folder = await makeRun();

    const { code, stdout, stderr } = await run("zcontext", ["logs", "-f", folder.at("Context-Test.xml")]);

    expect(code).toBe(0);
    expect(stderr).toEqual([]);
    // Two streams, and two tasks, have no order of their own.
    const of = (start: string) =>
      stdout.filter((line) => line.includes(start)).map((line) => line.slice(line.indexOf(start)));
    expect(of("  pump      | ")).toEqual(["  pump      | one", "  pump      | no end"]);
    expect(of("  pump      ! ")).toEqual(["  pump      ! a leak"]);
    expect(of("  valve     | ")).toEqual(["  valve     | two", "  valve     | three", "  valve     | four"]);
    expect(stdout[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}/);
    expect(stdout.map((line) => line.slice(0, 23))).toEqual(stdout.map((line) => line.slice(0, 23)).sort());
  });

  test.each<[string, string[], string[]]>([
    ["of a task", ["--task_id", "valve"], ["two", "three", "four"]],
    ["of tasks by a pattern", ["--task_id", "p*", "--stderr"], ["a leak"]],
    ["the last ones", ["--task_id", "valve", "--tail", "2"], ["three", "four"]],
    ["with these words", ["--grep", "^t.*[eo]$", "--task_id=pump,valve", "--since", "1h"], ["two", "three"]],
    ["of a time that had none", ["--until", "1h"], []],
  ])("are those %s", async (_, words, expected) => {
    await using folder = await makeRun();

    const { stdout } = await run("zcontext", [
      "logs",
      "--context_file",
      folder.at("Context-Test.xml"),
      "--json",
      ...words,
    ]);

    expect(stdout.map((line) => JSON.parse(line).line)).toEqual(expected);
  });

  test("are found by the folder of the provider's state, without the file", async () => {
    await using state = await makeFolder();
    await using folder = await makeRun("--state_dir", state.path);

    const { stdout } = await run("zcontext", ["logs", "--state-dir", state.path, "--task_id", "valve", "--json"]);
    const other = await run("zcontext", ["logs", "-f", folder.at("Context-Test.xml")]);

    expect(stdout.map((line) => JSON.parse(line).line)).toEqual(["two", "three", "four"]);
    expect(other.code).toBe(2);
    expect(other.stderr[0]).toMatch(/there are no logs in .*\(ERR_CONFIG_UNREADABLE\)$/);
  });
});

test("the logs of a provider with a state folder of its own are found by its file while it runs, and followed", async () => {
  await using state = await makeFolder();
  const tasks = [shell("pump", "echo one; while [ ! -e go ]; do sleep 0.02; done; echo two; exec sleep 1000")];
  await using folder = await makeFolder({ "Context-Test.xml": contextXml(tasks) });
  const file = folder.at("Context-Test.xml");
  await using provider = startCommand("service-context", [file, "--start", "T1", "--state_dir", state.path]);
  await provider.stderr.first((line) => line.endsWith("| one"));
  await using logs = startCommand("zcontext", ["logs", "-f", file, "--follow", "--json"]);
  await logs.stdout.first((line) => JSON.parse(line).line === "one");
  await folder.write("go", "");

  await logs.stdout.first((line) => JSON.parse(line).line === "two");
  logs.signal("SIGINT");

  expect(await logs.exit).toBe(0);
  expect(logs.stdout.all.map((line) => JSON.parse(line).line)).toEqual(["one", "two"]);
});

test("nothing is kept where the file says so", async () => {
  const text = contextXml([shell("pump", "echo one")]);
  await using folder = await makeFolder({
    "Context-Test.xml": text.replace("<TaskLogName>", '<Logs total_mib="0"/><TaskLogName>'),
  });
  await run("service-context", [folder.at("Context-Test.xml"), "--until_done"]);

  const { code } = await run("zcontext", ["logs", "-f", folder.at("Context-Test.xml")]);

  expect(code).toBe(2);
});

test.each<[string, string[], string]>([
  ["a pattern", ["--grep", "("], "--grep: expected a pattern"],
  ["a time", ["--since", "later"], "--since: expected 90s"],
  ["a number", ["--tail", "-1"], "Expected a whole number, or all."],
])("%s that can't be read is refused", async (_, words, message) => {
  const { code, stderr } = await run("zcontext", ["logs", "--state_dir", "/", ...words]);

  expect(code).toBe(2);
  expect(stderr.join("\n")).toContain(message);
});
