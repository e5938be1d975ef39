// `service-context <file> --test`: which tests it finds, how it runs them, and what it says.
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type Finished, finish, run, startCommand } from "../support/command.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { blocksOf, readDocument } from "../support/readme.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";

/** A task that greets whom its configuration names, and what stands beside it as its test. */
function service(instance: string, tests: { [ending: string]: string } = {}): { [path: string]: string } {
  const beside = (name: string) => `services/${instance}/${name}`;
  return {
    [beside(`Service${instance}.ts`)]: `
      import { defineService } from "zcontext/tasks";
      import task from "./${instance}.js";
      export default defineService({ name: "n", description: "", task });`,
    [beside(`${instance}.ts`)]: `
      import { defineTask } from "zcontext/tasks";
      export default defineTask<{ whom: string }>({
        kind: "looped",
        async run({ configuration, update, sleep }) {
          await update({ said: \`hello \${configuration.whom}\` });
          await sleep(86_400_000);
        },
      });`,
    ...Object.fromEntries(Object.entries(tests).map(([ending, text]) => [beside(`${instance}.test.${ending}`), text])),
  };
}

/** Rehearses the task of an instance and expects it to greet somebody. */
const greets = (instance: string, whom: string) => `
import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "zcontext/testing";
import task from "./${instance}.js";

test("${instance} greets the world", async ({ signal }) => {
  const { announcements } = await rehearse(task, { configuration: { whom: "${whom}" }, signal });
  assert.equal(announcements[1]?.status.said, "hello world");
});
`;

/** A folder with a context file of these instances and their services. */
function makeProject(tasks: readonly (string | Partial<TaskXml>)[], ...services: { [path: string]: string }[]) {
  const xml = tasks.map((task, index) => {
    const id = `ts00${index + 1}`;
    return typeof task === "string" ? { id, instance: task } : { id, instance: id, ...task };
  });
  return makeFolder(Object.assign({ [FILE]: contextXml(xml) }, ...services));
}

function runTests({ path: cwd }: Folder, words: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return run("service-context", [FILE, "--test", ...words], { cwd, env });
}

/** What Node's reporter counts. */
function countsOf({ stdout }: Finished): { [what: string]: number } {
  return Object.fromEntries(
    stdout.flatMap((line) => {
      const [, what, count] = /^ℹ (tests|pass|fail) (\d+)$/.exec(line) ?? [];
      return what === undefined ? [] : [[what, Number(count)]];
    }),
  );
}

// --- running ---------------------------------------------------------------------------------------------------------

test("tests that pass end with code 0, and each instance is tested once", async () => {
  await using folder = await makeProject(
    ["One", "Two", "One"],
    service("One", { ts: greets("One", "world") }),
    service("Two", { mts: greets("Two", "world") }),
  );

  const finished = await runTests(folder);

  expect(finished).toMatchObject({ code: 0, stderr: [] });
  expect(countsOf(finished)).toEqual({ tests: 2, pass: 2, fail: 0 });
  expect(finished.stdout[0]).toMatch(/^✔ One greets the world \(/);
  expect(finished.stdout.join("")).not.toContain("\u001b");
  expect(await readdir(folder.at(".zcontext/cache"))).toContainEqual(expect.stringMatching(/^One\.test-\w+\.mjs$/));
});

test("a test that fails ends with code 1, and the place in its source is named", async () => {
  await using folder = await makeProject(
    ["One", "Two"],
    service("One", { ts: greets("One", "moon") }),
    service("Two", { ts: greets("Two", "world") }),
  );

  const finished = await runTests(folder, [], { FORCE_COLOR: "1" });

  expect(finished.code).toBe(1);
  expect(countsOf(finished)).toEqual({ tests: 2, pass: 1, fail: 1 });
  expect(finished.stdout.join("\n")).toContain("services/One/One.test.ts:9:");
  expect(finished.stdout.join("")).not.toContain("\u001b");
});

test("tests in JavaScript run as they are", async () => {
  const passes = `import { test } from "node:test"; test("it is JavaScript", () => {});`;
  await using folder = await makeProject(["One", "Two"], {
    "services/One/ServiceOne.mjs": "",
    "services/One/One.test.mjs": passes,
    "services/Two/ServiceTwo.js": "",
    "services/Two/Two.test.js": passes.replace(/import (.*) from (.*?);/, "const $1 = require($2);"),
  });

  const finished = await runTests(folder);

  expect(finished).toMatchObject({ code: 0, stderr: [] });
  expect(countsOf(finished)).toEqual({ tests: 2, pass: 2, fail: 0 });
});

test("the cache is where --state-dir says", async () => {
  await using folder = await makeProject(["One"], service("One", { ts: greets("One", "world") }));

  const { code } = await runTests(folder, ["--state-dir", folder.at("state")]);

  expect(code).toBe(0);
  expect(await readdir(folder.at("state/cache"))).toContainEqual(expect.stringMatching(/\.mjs$/));
  expect(await readdir(folder.path)).not.toContain(".zcontext");
});

test("tests run also when the command itself is run by a test of somebody's", async () => {
  await using folder = await makeProject(["One"], service("One", { ts: greets("One", "world") }));

  const finished = await runTests(folder, [], { NODE_TEST_CONTEXT: "child-v8" });

  expect(finished).toMatchObject({ code: 0, stderr: [] });
  expect(countsOf(finished)).toEqual({ tests: 1, pass: 1, fail: 0 });
});

test("the end of the command is the end of a test that never ends", async () => {
  const hangs = `
    import { test } from "node:test";
    test("hangs", async () => {
      console.log("hanging");
      setInterval(() => {}, 1_000);
      await new Promise(() => {});
    });`;
  await using folder = await makeProject(["One"], service("One", { ts: hangs }));
  await using command = startCommand("service-context", [FILE, "--test"], { cwd: folder.path });
  await command.stdout.first((line) => line === "hanging");

  command.signal("SIGTERM");

  expect((await finish(command)).code).toBe(1);
});

test("the test that docs/service-code.md shows passes beside the task that it shows", async () => {
  const code = blocksOf(readDocument("docs/service-code.md")).filter(({ language }) => language === "ts");
  const files = code.map(({ lines: [head = "", ...text] }) => [/^\/\/ ([^\s:]+)/.exec(head)?.[1], text.join("\n")]);
  await using folder = await makeProject(["Thermometer"], Object.fromEntries(files));

  const finished = await runTests(folder);

  expect(finished).toMatchObject({ code: 0, stderr: [] });
  expect(countsOf(finished)).toEqual({ tests: 1, pass: 1, fail: 0 });
});

// --- what is not there -----------------------------------------------------------------------------------------------

test("an instance without a test is a warning beside one that has some", async () => {
  await using folder = await makeProject(
    ["One", "Two"],
    service("One", { ts: greets("One", "world") }),
    service("Two"),
  );

  expect(await runTests(folder)).toMatchObject({
    code: 0,
    stderr: [`warning: no test of Two: no Two.test.ts (or .mts, .mjs, .js) in ${folder.at("services/Two")}`],
  });
});

test("no test at all ends with code 1, and says for each instance where it was looked for", async () => {
  await using folder = await makeProject(["One", "Two"], service("One"), service("Two"));
  const stderr = ["One", "Two"].map(
    (name) => `error: no test of ${name}: no ${name}.test.ts (or .mts, .mjs, .js) in ${folder.at("services", name)}`,
  );

  expect(await runTests(folder)).toEqual({ code: 1, stdout: [], stderr });
  expect(await runTests(folder, ["--json"])).toEqual({ code: 1, stdout: ['{"result":"failure","tests":[]}'], stderr });
});

test("a program, and the services that come with zcontext, need no test", async () => {
  const program = { instance: "Sleeper", serviceType: "Executable", command: "sleep 1" } as const;
  await using folder = await makeProject(
    [program, "Monitor", "Bridge", "One"],
    service("One", { ts: greets("One", "world") }),
  );
  expect(await runTests(folder)).toMatchObject({ code: 0, stderr: [] });

  await folder.write(FILE, contextXml([{ id: "ts001", ...program }]));

  expect(await runTests(folder)).toEqual({
    code: 1,
    stdout: [],
    stderr: [
      `error: ${FILE} has no service that could have tests`,
      "hint: programs are tested in their own ways, a Python service with `python3 -m unittest discover <its folder>`",
    ],
  });
});

test("where there are services in Python alone, it is said how those that have tests are tested", async () => {
  const python = (instance: string): Partial<TaskXml> => ({
    instance,
    serviceType: "Executable",
    command: `python3 services/${instance}/Service${instance}.py`,
  });
  await using folder = await makeProject([python("One"), python("Two"), python("One")], {
    "services/One/ServiceOne.py": "",
    "services/One/test_One.py": "",
    "services/Two/ServiceTwo.py": "",
  });

  expect(await runTests(folder)).toEqual({
    code: 1,
    stdout: [],
    stderr: [
      `error: ${FILE} has no service that could have tests`,
      `hint: \`python3 -m unittest discover ${folder.at("services/One")}\` runs the tests there`,
    ],
  });
});

test("a service that is not there is an error", async () => {
  await using folder = await makeProject(["One"]);

  const { code, stderr } = await runTests(folder);

  expect(code).toBe(1);
  expect(stderr[0]).toMatch(/^error: ts001: no One\/ServiceOne\.ts .*\(ERR_SERVICE_NOT_FOUND\)$/);
});

test("a test that does not compile is an error with file, line and column", async () => {
  await using folder = await makeProject(["One"], service("One", { ts: "const ok = 1;\nconst wrong = = 2;" }));

  const { code, stdout, stderr } = await runTests(folder);

  expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
  expect(stderr[0]).toBe(`error: ${folder.at("services/One/One.test.ts")} does not compile (ERR_SERVICE_INVALID)`);
  expect(stderr[1]).toMatch(/services\/One\/One\.test\.ts:2:15: /);
});

test.each(["--start", "--until-done", "--check"])("--test and %s don't go together", async (other) => {
  await using folder = await makeProject(["One"], service("One"));

  const { code, stderr } = await runTests(folder, [other]);

  expect(code).toBe(2);
  expect(stderr[0]).toMatch(/option '--.*' cannot be used with option '--/);
});

// --- JSON ------------------------------------------------------------------------------------------------------------

describe("as JSON", () => {
  test("each test is told with its instance and the groups it stands in, and what it prints goes to stderr", async () => {
    const grouped = `
      import assert from "node:assert/strict";
      import { describe, test } from "node:test";
      describe("a group", () => {
        test("is right", () => console.log("printed"));
        test("is wrong", () => assert.fail("so wrong"));
      });
      test.skip("skipped", () => assert.fail());
      test.todo("to do", () => assert.fail());`;
    await using folder = await makeProject(
      ["One", "Two"],
      service("One", { ts: greets("One", "world") }),
      service("Two", { ts: grouped }),
    );

    const { code, stdout, stderr } = await runTests(folder, ["--json"]);

    expect({ code, stderr }).toEqual({ code: 1, stderr: ["printed"] });
    expect(stdout.map((line) => JSON.parse(line))).toEqual([
      {
        result: "failure",
        tests: [
          { instance: "One", name: "One greets the world", ok: true },
          { instance: "Two", name: "a group > is right", ok: true },
          { instance: "Two", name: "a group > is wrong", ok: false, reason: "so wrong" },
          { instance: "Two", name: "skipped", ok: true },
          { instance: "Two", name: "to do", ok: true },
        ],
      },
    ]);
  });

  test("success is said as such", async () => {
    await using folder = await makeProject(["One"], service("One", { ts: greets("One", "world") }));

    expect(await runTests(folder, ["--json"])).toEqual({
      code: 0,
      stdout: ['{"result":"success","tests":[{"instance":"One","name":"One greets the world","ok":true}]}'],
      stderr: [],
    });
  });

  test("a file that can't even be loaded is a test that failed, with what Node said", async () => {
    await using folder = await makeProject(["One"], service("One", { ts: `throw new Error("no way");` }));

    const { code, stdout } = await runTests(folder, ["--json"]);

    expect(code).toBe(1);
    expect(JSON.parse(stdout[0] as string)).toEqual({
      result: "failure",
      tests: [{ instance: "One", name: "One.test.ts", ok: false, reason: expect.stringContaining("Error: no way") }],
    });
  });

  test("a test that does not compile is the error", async () => {
    await using folder = await makeProject(["One"], service("One", { ts: "const = 2;" }));

    const { code, stdout } = await runTests(folder, ["--json"]);

    expect(code).toBe(1);
    expect(JSON.parse(stdout[0] as string)).toMatchObject({ result: "failure", code: "ERR_SERVICE_INVALID" });
  });
});
