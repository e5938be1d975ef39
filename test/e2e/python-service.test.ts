// A service in Python: what `--language python` writes is started, supervised, triggered and stopped like any other.
import { spawnSync } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openTemplates } from "../../src/generator/render.ts";
import { type CommandOptions, finish, run, startCommand } from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const FILE = "conf/Context-Mixed.xml";

/** A project with a Python service; more options say more about it. */
async function writeService(folder: Folder, name: string, id: string, ...options: string[]): Promise<void> {
  const about = ["--task_service", name, "--task_id", id, "--service_name", id, "--device_action", "act"];
  const where = ["--service_path", ".", "--context_name", "Mixed", "--server_ip", "127.0.0.1"];
  const ports = ["--sub_port", "*", "--pub_port", "*", "--task_desc", `"${name}" & \\n more`];
  const { code, stderr } = await run("create-service", [...about, ...where, ...ports, ...options], at(folder));
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

function at(folder: Folder): CommandOptions {
  return { cwd: folder.path };
}

const PYTHON = ["--language", "python"];
const MODULE_FOLDER = fileURLToPath(new URL("../../python", import.meta.url));

function runPythonTests(folder: Folder, variables: Record<string, string>) {
  const { PYTHONPATH: _, ...environment } = process.env;
  return spawnSync("python3", ["-m", "unittest", "discover", "services/Reader"], {
    ...at(folder),
    env: { ...environment, ...variables },
    encoding: "utf8",
  });
}

test("a Python service starts, reports, is restarted when it is killed, and stops", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Reader", "ts001", ...PYTHON, "--on_fail", "restart ts001");

  await using provider = startCommand("service-context", [FILE, "--start"], at(folder));
  const first = await provider.stderr.first((line) => / ts001 +running /.test(line));
  await provider.stderr.first((line) => / ts001 +\| round 1$/.test(line));
  process.kill(Number(/pid=(\d+)/.exec(first)?.[1]), "SIGKILL");
  await provider.stderr.first((line) => / ts001 +running /.test(line) && line !== first);
  provider.signal("SIGINT");

  const { code, stderr } = await finish(provider);
  expect(code).toBe(0);
  expect(stderr.filter((line) => / ts001 +stopped /.test(line))).toHaveLength(1);
  expect(stderr.filter((line) => line.includes("Traceback"))).toEqual([]);
});

test("Python and TypeScript start and stop each other in one context", async () => {
  await using folder = await makeFolder();
  const once = ["--task_type", "Single", "--entry_action", "on_exit"];
  await writeService(folder, "Last", "ts003", ...once);
  await writeService(folder, "Middle", "ts002", ...PYTHON, ...once, "--on_exit", "start ts003");
  await writeService(folder, "First", "ts001", "--task_type", "Single", "--on_update", "start ts002");

  const { code, stdout } = await run("service-context", [FILE, "--until-done"], at(folder));

  expect(code).toBe(0);
  expect(stdout.slice(2).sort()).toEqual(["ts001  exited  1", "ts002  exited  1", "ts003  exited  1"]);
});

test("what it throws is why it has failed", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Faulty", "ts001", ...PYTHON, "--task_type", "Single");
  const task = folder.at("services", "Faulty", "Faulty.py");
  await writeFile(
    task,
    (await readFile(task, "utf8")).replace(/^( +)scope\.update/m, '$1raise ValueError("too hot")\n$&'),
  );

  const { code, stdout } = await run("service-context", [FILE, "--until-done"], at(folder));

  expect(code).toBe(1);
  expect(stdout.at(-1)).toBe("ts001  failed  1     too hot");
});

test("it can begin to listen while another of its threads publishes", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Busy", "ts001", ...PYTHON, "--task_type", "Single");
  await writeFile(
    folder.at("services", "Busy", "Busy.py"),
    `import threading

class Busy:
    kind = "single"

    def run(self, scope):
        threading.Thread(target=self.chatter, args=(scope,), daemon=True).start()
        for _ in range(20):
            scope.on_control(lambda announcement: None)
        scope.update({"listens": 20})
        scope.log("said so")

    def chatter(self, scope):
        while True:  # long enough to write that the subscriptions arrive meanwhile
            scope.publish("chatter", {"numbers": list(range(5000))})
`,
  );

  const { code, stdout, stderr } = await run("service-context", [FILE, "--until-done"], at(folder));

  expect({ code, last: stdout.at(-1) }).toEqual({ code: 0, last: "ts001  exited  1" });
  expect(stderr.filter((line) => / ts001 +\| said so$/.test(line))).toHaveLength(1);
});

test.each(["Looped", "Single"])("the test that comes with a %s one passes, and fails when run() does", async (type) => {
  await using folder = await makeFolder();
  await writeService(folder, "Reader", "ts001", ...PYTHON, "--task_type", type);
  const task = folder.at("services", "Reader", "Reader.py");
  const runTests = () => runPythonTests(folder, { PYTHONPATH: MODULE_FOLDER });

  expect(runTests()).toMatchObject({ status: 0 });
  await writeFile(task, (await readFile(task, "utf8")).replace(/^( +)scope\.update/m, "$1raise ValueError\n$&"));
  expect(runTests()).toMatchObject({ status: 1, stderr: expect.stringContaining("ValueError") });
});

test("handlers are written for all that is asked for, with tests that pass", async () => {
  await using folder = await makeFolder();
  const handlers = ["--listens", "orders.created,orders.a-b,orders.a_b", "--serves", "get_invoice,Ping,run,method"];
  await writeService(folder, "Reader", "ts001", ...PYTHON, ...handlers, "--actions", "SendEmail,Ping,run,action");

  const { status, stderr } = runPythonTests(folder, { PYTHONPATH: MODULE_FOLDER });

  expect(stderr).toMatch(/^Ran 12 tests/m);
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

test("by hand, its module is found in the project, or else it says where the module is", async () => {
  await using folder = await makeFolder();
  await writeService(folder, "Reader", "ts001", ...PYTHON);

  const without = runPythonTests(folder, {});
  await cp(MODULE_FOLDER, folder.at("node_modules/zcontext/python"), { recursive: true });
  const within = runPythonTests(folder, {});

  expect(without).toMatchObject({ status: 1, stderr: expect.stringContaining(`export PYTHONPATH="$(npm root -g)/`) });
  expect(within).toMatchObject({ status: 0 });
});

test("any text becomes a Python literal that means it", () => {
  const nasty = fc.constantFrom(
    "'",
    '"',
    '"""',
    "\\",
    "\\u0041",
    "{{ts name}}",
    "$",
    "{x}",
    "\n",
    "\r",
    "\u0085",
    "\u2028",
    "😀",
    "#",
    "\t",
    "\u007f",
  );
  const text = fc
    .array(fc.oneof(nasty, fc.string({ unit: "grapheme" })), { maxLength: 8 })
    .map((parts) => parts.join(""));
  const values = fc.sample(text, 500);
  const { render } = openTemplates();
  const about = {
    name: "Reader",
    className: "Reader",
    kind: "looped",
    serviceName: "s",
    deviceAction: "d",
    id: "ts001",
  };
  const code = values.map((description) => render("task-looped.py.hbs", { ...about, description }));
  const program = `import ast, json, sys
print(json.dumps([ast.literal_eval(ast.parse(code).body[1].body[0].value) for code in json.load(sys.stdin)]))`;

  const { stdout, stderr } = spawnSync("python3", ["-c", program], { input: JSON.stringify(code), encoding: "utf8" });

  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(values);
});
