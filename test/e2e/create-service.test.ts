// create-service as its users meet it: on a command line, on a terminal, and with what it wrote running.
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Finished, finish, programOf, run, startCommand, startProgram } from "../support/command.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { KEY, startOnTerminal, type Terminal } from "../support/terminal.ts";
import { readTree } from "../support/tree.ts";

leaveNoProcess();

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** All that is required, in the order of the questions. */
const GREETER = {
  task_service: "Greeter",
  task_desc: "Greets people",
  service_name: "greeter",
  device_action: "greeting",
  service_path: ".",
  context_name: "Hello",
  task_id: "ts001",
  server_ip: "127.0.0.1",
  sub_port: "*",
  pub_port: "*",
};
const WAVER = { ...GREETER, task_service: "Waver", task_id: "ts002", on_exit: "start ts001" };
const REQUIRED = Object.keys(GREETER) as (keyof typeof GREETER)[];

const CODE = "services/Greeter/Greeter.ts";
const SERVICE = "services/Greeter/ServiceGreeter.ts";
const CONTEXT = "conf/Context-Hello.xml";

function words(options: { [name: string]: string | undefined }, ...more: string[]): string[] {
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return [...given, ...more];
}

function create(folder: Folder, ...words: string[]): Promise<Finished> {
  return run("create-service", words, { cwd: folder.path });
}

async function read(folder: Folder, name: string): Promise<string> {
  return readFile(folder.at(name), "utf8");
}

/** The list of the bakery, to be written to the folder it stands in. */
async function writeList(folder: Folder, change = (text: string) => text): Promise<string> {
  const text = await readFile(new URL("../fixtures/service-lists/later-era.xml", import.meta.url), "utf8");
  const moved = text
    .replaceAll("/opt/zmicroservices", folder.path)
    .replace(/<(sub|pub)_port>\d+</g, (_, port: string) => `<${port}_port>*<`);
  return folder.write("list.xml", change(moved));
}

// --- one service -----------------------------------------------------------------------------------------------------

test("one command writes a service and its context", async () => {
  await using folder = await makeFolder();

  const { code, stdout, stderr } = await create(folder, ...words(GREETER));

  expect({ code, stderr }).toEqual({ code: 0, stderr: ["next: npx service-context conf/Context-Hello.xml --start"] });
  expect(stdout.slice(1)).toEqual([
    "├── services",
    "│   └── Greeter",
    "│       ├── ServiceGreeter.ts  created",
    "│       ├── Greeter.ts         created",
    "│       ├── index.ts           created",
    "│       └── Greeter.test.ts    created",
    "└── conf",
    "    └── Context-Hello.xml      created",
  ]);
  const check = await run("service-context", [folder.at(CONTEXT), "--check"]);
  expect(check).toMatchObject({ code: 0, stderr: [] });
});

test("the command that comes next can be copied from the answer, whatever the project is called", async () => {
  await using folder = await makeFolder();

  const { stderr } = await create(folder, ...words({ ...GREETER, service_path: "it's mine" }));

  expect(stderr).toEqual(["next: npx service-context 'it'\\''s mine/conf/Context-Hello.xml' --start"]);
});

test("what one command has written runs, and says so", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));

  const provider = startCommand("service-context", [CONTEXT, "--start"], { cwd: folder.path });
  await provider.stderr.first((line) => / ts001 +\| \d{4}-\d\d-\d\dT/.test(line));
  provider.signal("SIGINT");

  expect((await finish(provider)).code).toBe(0);
});

test("options may be spelled with dashes, with underscores, and with an equals sign", async () => {
  await using folder = await makeFolder();

  const dashed = words(GREETER, "--dry-run").map((word) => (word.startsWith("--") ? word.replaceAll("_", "-") : word));
  const equal = Object.entries(GREETER).map(([name, value]) => `--${name.replaceAll("_", "-")}=${value}`);
  const all = [
    await create(folder, ...words(GREETER, "--dry_run")),
    await create(folder, ...dashed),
    await create(folder, ...equal, "--dry-run"),
  ];

  expect(all[0]?.code).toBe(0);
  expect(all.slice(1)).toEqual([all[0], all[0]]);
});

test("a second run changes nothing and says what it left alone", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  const before = await readTree(folder.path);

  const { code, stdout } = await create(folder, ...words(GREETER));

  expect(code).toBe(0);
  expect(stdout.slice(3)).toEqual([
    "│       ├── ServiceGreeter.ts  unchanged",
    "│       ├── Greeter.ts         kept  yours",
    "│       ├── index.ts           unchanged",
    "│       └── Greeter.test.ts    kept  yours",
    "└── conf",
    "    └── Context-Hello.xml      unchanged  ts001 already defined, left alone",
  ]);
  expect(await readTree(folder.path)).toEqual(before);
});

test("a second service joins the context; comments, order and indentation of the file stay", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  const before = (await read(folder, CONTEXT)).replace("<Context>", "<Context>\n    <!-- ours:   keep out -->");
  await folder.write(CONTEXT, before);

  const { code, stdout, stderr } = await create(folder, ...words({ ...WAVER, context_id: "another" }));

  expect(code).toBe(0);
  expect(stdout.at(-1)).toBe("    └── Context-Hello.xml    updated  ts002 added");
  expect(stderr[0]).toBe(`warning: ${folder.at(CONTEXT)} keeps context001 as context_id; another was given`);
  const after = await read(folder, CONTEXT);
  const end = "</Context>\n";
  expect(after.startsWith(before.slice(0, -end.length))).toBe(true);
  expect(after.endsWith(`  </TaskService>\n${end}`)).toBe(true);
  expect(after).toContain("<on_exit><action>start</action><call>ts001</call></on_exit>");
});

test("a generated file that somebody has changed is kept until --force; what is yours is kept in any case", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  const original = await read(folder, SERVICE);
  await folder.write(SERVICE, `${original}// mine\n`);
  await folder.write(CODE, "// all mine\n");

  const kept = await create(folder, ...words(GREETER));
  const afterKept = await read(folder, SERVICE);
  const forced = await create(folder, ...words(GREETER, "--force"));

  expect(kept.stdout[3]).toMatch(/ServiceGreeter.ts +kept {2}it was changed; --force replaces it$/);
  expect(afterKept).toBe(`${original}// mine\n`);
  expect(forced.stdout[3]).toMatch(/ServiceGreeter.ts +replaced {2}your changes are overwritten$/);
  expect(await read(folder, SERVICE)).toBe(original);
  expect(forced.stdout[4]).toMatch(/ Greeter.ts +kept {2}yours$/);
  expect(await read(folder, CODE)).toBe("// all mine\n");
});

test("--dry-run prints the tree and the differences, and writes nothing", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  const before = await readTree(folder.path);

  const changed = { ...WAVER, service_name: 'say "hi"' };
  const { code, stdout, stderr } = await create(folder, ...words(changed, "--dry-run"));

  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
  expect(await readTree(folder.path)).toEqual(before);
  expect(stdout[0]).toBe("nothing is written; without --dry-run this would be:");
  expect(stdout).toContain("    └── Context-Hello.xml    updated  ts002 added");
  const at = stdout.indexOf("--- /dev/null");
  expect(stdout.slice(at, at + 3)).toEqual([
    "--- /dev/null",
    "+++ services/Waver/ServiceWaver.ts",
    expect.stringMatching(/^@@ -0,0 \+1,\d+ @@$/),
  ]);
  expect(stdout).toContain('+  name: "say \\"hi\\"",');
  expect(stdout).toContain("--- conf/Context-Hello.xml");
  expect(stdout).toContain('+          <service_name>say "hi"</service_name>');
  expect(stdout.filter((line) => /^-[^-]/.test(line))).toEqual([]);
});

test("a dry run in an empty folder does not even make a folder", async () => {
  await using folder = await makeFolder();

  const { code } = await create(folder, ...words({ ...GREETER, service_path: "new" }, "--dry-run"));

  expect(code).toBe(0);
  expect(await readTree(folder.path)).toEqual([]);
});

test("--json answers one object; a dry run says that nothing was written", async () => {
  await using folder = await makeFolder();

  const dry = await create(folder, ...words(GREETER, "--json", "--dry-run"));
  const first = await create(folder, ...words(GREETER, "--json"));
  const second = await create(folder, ...words({ ...GREETER, context_id: "c2" }, "--json", "--diagram"));

  const names = [SERVICE, CODE, "services/Greeter/index.ts", "services/Greeter/Greeter.test.ts", CONTEXT];
  const files = names.map((path) => ({ path, fate: "created" }));
  expect(only(dry)).toEqual({ result: "success", written: false, context: CONTEXT, files });
  expect(only(first)).toEqual({ result: "success", written: true, context: CONTEXT, files });
  expect(only(second)).toEqual({
    result: "success",
    written: true,
    context: CONTEXT,
    files: [
      { path: names[0], fate: "unchanged" },
      { path: names[1], fate: "kept", note: "yours" },
      { path: names[2], fate: "unchanged" },
      { path: names[3], fate: "kept", note: "yours" },
      { path: names[4], fate: "unchanged", note: "ts001 already defined, left alone" },
    ],
    warnings: [`${folder.at(CONTEXT)} keeps context001 as context_id; c2 was given`],
    diagram: "stateDiagram-v2\n    [*] --> ts001\n    ts001: ts001 Greeter",
  });
});

test("--diagram answers with the picture alone; the tree is conversation", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));

  const { code, stdout, stderr } = await create(folder, ...words(WAVER, "--diagram"));

  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: [
      "stateDiagram-v2",
      "    [*] --> ts001",
      "    [*] --> ts002",
      "    ts001: ts001 Greeter",
      "    ts002: ts002 Waver",
      "    ts002 --> ts001: on_exit start",
    ],
  });
  expect(stderr).toContain("│       ├── ServiceWaver.ts  created");
});

test("--templates takes the user's own templates in place of those of the same name", async () => {
  await using folder = await makeFolder({
    "mine/task-looped.ts.hbs": "// {{comment description}}\nexport default {};\n",
  });

  const { code } = await create(folder, ...words(GREETER, "--templates", "mine"));

  expect(code).toBe(0);
  expect(await read(folder, CODE)).toBe("// Greets people\nexport default {};\n");
  expect(await read(folder, SERVICE)).toContain('name: "greeter"');
});

test.each([
  ["a template nobody asks for", "task-loped.ts.hbs", "", /task-loped\.ts\.hbs.*task-looped\.ts\.hbs/],
  ["a value there is not", "service.ts.hbs", "{{nonsense}}", /service\.ts\.hbs.*nonsense/],
  ["a context that is none", "context.xml.hbs", "<Context></Context>", /context\.xml\.hbs would write is no context/],
])("a template with a fault is refused, and nothing is written: %s", async (_, name, text, message) => {
  await using folder = await makeFolder();
  await folder.write(`mine/${name}`, text);
  const before = await readTree(folder.path);

  const { code, stdout, stderr } = await create(folder, ...words(GREETER, "--templates", "mine"));

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toMatch(message);
  expect(stderr[0]).toContain("(ERR_TEMPLATE_INVALID)");
  expect(await readTree(folder.path)).toEqual(before);
});

// --- what is refused -------------------------------------------------------------------------------------------------

test.each(REQUIRED)("without --%s, and nobody to ask, nothing is written", async (name) => {
  await using folder = await makeFolder();

  const { code, stdout, stderr } = await create(folder, ...words({ ...GREETER, [name]: undefined }));

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toBe(`error: Missing required option: --${name} (ERR_USAGE)`);
  expect(await readTree(folder.path)).toEqual([]);
});

test("all options that are missing are named at once", async () => {
  await using folder = await makeFolder();

  const some = await create(folder, ...words({ ...GREETER, task_id: undefined, sub_port: undefined }));
  const all = await create(folder);
  const json = await create(folder, "--json");

  expect(some.stderr[0]).toBe("error: Missing required options: --task_id, --sub_port (ERR_USAGE)");
  const every = `Missing required options: ${REQUIRED.map((name) => `--${name}`).join(", ")}`;
  expect(all).toMatchObject({ code: 2, stdout: [] });
  expect(all.stderr[0]).toBe(`error: ${every} (ERR_USAGE)`);
  expect(json).toMatchObject({ code: 2, stderr: [] });
  expect(only(json)).toEqual({ result: "failure", code: "ERR_USAGE", reason: every });
});

test("what is wrong with values is said at once, each by its option", async () => {
  await using folder = await makeFolder();

  const wrong = {
    task_service: "../x",
    task_id: "1 2",
    pub_port: "99999",
    on_exit: "jump nobody",
    context_name: "a/b",
  };
  const { code, stderr } = await create(folder, ...words({ ...GREETER, ...wrong }));

  expect(code).toBe(2);
  expect(stderr[0]).toBe("error: the options have 6 problems; nothing was written (ERR_USAGE)");
  const about = stderr.slice(1, 7).map((line) => /^ {2}--(\w+)/.exec(line)?.[1]);
  expect(about).toEqual(["task_service", "context_name", "task_id", "pub_port", "on_exit", "on_exit"]);
  expect(await readTree(folder.path)).toEqual([]);
});

test.each([
  ["a word too many", ["surplus"]],
  ["an unknown option", ["--task_name", "x"]],
  ["a type there is not", ["--task_type", "Simple"]],
  ["a language there is not", ["--language", "ruby"]],
  ["an option without its value", ["--location"]],
])("%s is wrong usage", async (_, more) => {
  await using folder = await makeFolder();

  const { code, stdout, stderr } = await create(folder, ...words(GREETER, ...more));

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr.at(-1)).toBe("Try `create-service --help`.");
  expect(await readTree(folder.path)).toEqual([]);
});

test("what is wrong with a trigger is said in words of its option", async () => {
  await using folder = await makeFolder();

  const { code, stderr } = await create(folder, ...words({ ...GREETER, on_start: "stop", on_exit: "start x" }));

  expect(code).toBe(2);
  expect(stderr.slice(1, 3)).toEqual([
    '  --on_start: expected task ids, the context id or all, got ""',
    '  --on_exit: "x" is not a TaskService id; have ts001',
  ]);
});

test.each([
  ["with paths that start there", GREETER],
  ["with a project elsewhere", { ...GREETER, service_path: "/tmp/elsewhere" }],
])("a working folder that somebody has deleted is named, and is no fault of ours: %s", async (_, options) => {
  await using folder = await makeFolder();
  await mkdir(folder.at("gone"));

  const deleted = ["-c", 'rmdir "$PWD" && exec "$@"', "sh", process.execPath, programOf("create-service")];
  const start = (...more: string[]) =>
    finish(startProgram("sh", [...deleted, ...words(options, ...more)], { cwd: folder.at("gone") }));
  const { code, stdout, stderr } = await start();
  await mkdir(folder.at("gone"));
  const json = await start("--json");

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toMatch(/^error: the working folder is gone.* \(ERR_USAGE\)$/);
  expect(stderr).toHaveLength(2);
  expect(only(json)).toMatchObject({ result: "failure", code: "ERR_USAGE" });
  expect(await readTree(folder.path)).toEqual([]);
});

test("a link in the way is refused, and named", async () => {
  await using folder = await makeFolder({ "elsewhere/note.txt": "x" });
  await symlink("elsewhere", folder.at("services"));
  const before = await readTree(folder.path);

  const { code, stdout, stderr } = await create(folder, ...words(GREETER));

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toBe(
    `error: ${folder.at("services")}: nothing is written through a symbolic link; nothing was written (ERR_TARGET_REFUSED)`,
  );
  expect(await readTree(folder.path)).toEqual(before);
});

// Here, where a command that waits can be ended from outside.
test.each([SERVICE, CODE, CONTEXT])(
  "a pipe in place of %s is refused, and nobody waits for its other end",
  async (target) => {
    await using folder = await makeFolder();
    await mkdir(dirname(folder.at(target)), { recursive: true });
    execFileSync("mkfifo", [folder.at(target)]);
    const before = await readTree(folder.path);

    const { code, stdout, stderr } = await create(folder, ...words(GREETER));

    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
    expect(stderr[0]).toMatch(
      /^error: .*: expected a file, got something else; nothing was written \(ERR_TARGET_REFUSED\)$/,
    );
    expect(await readTree(folder.path)).toEqual(before);
  },
);

test("a file system without room for the last file leaves nothing of the first ones", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  await folder.write(CONTEXT, `${await read(folder, CONTEXT)}<!-- ${"x".repeat(50_000)} -->\n`);
  await chmod(folder.at(CONTEXT), 0o600);
  const before = await readTree(folder.path);

  // Holds for root as well: no file of this process grows beyond some kilobytes.
  const limited = ["-c", 'ulimit -f 16 && exec "$@"', "sh", process.execPath, programOf("create-service")];
  const { code, stderr } = await finish(startProgram("sh", [...limited, ...words(WAVER)], { cwd: folder.path }));

  expect(code).toBe(1);
  expect(stderr[0]).toMatch(/^error: EFBIG.*; nothing was written \(ERR_WRITE_FAILED\)$/);
  expect(await readTree(folder.path)).toEqual(before);
});

// --- a list of services ----------------------------------------------------------------------------------------------

test("a list with log_on 0 is written without a word", async () => {
  await using folder = await makeFolder();
  const list = await writeList(folder);

  const { code, stdout, stderr } = await create(folder, "--xml_file", list);

  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: [], stderr: [] });
  const files = (await readTree(folder.path)).filter((line) => /\.(ts|xml) /.test(line));
  expect(files).toHaveLength(5 * 4 + 2);
});

test("a quiet list still answers what is asked for: a dry run, a diagram, JSON", async () => {
  await using folder = await makeFolder();
  const list = await writeList(folder);

  const dry = await create(folder, "--xml_file", list, "--dry-run");
  const picture = await create(folder, "--xml_file", list, "--diagram");
  const json = await create(folder, "--xml_file", list, "--json");

  expect(dry.stdout).toContain("    └── Context-StateMachine.xml     created");
  expect(picture).toMatchObject({ code: 0, stderr: [] });
  expect(picture.stdout[0]).toBe("stateDiagram-v2");
  expect(picture.stdout).toContain("    ts100 --> ts101: on_exit start");
  expect(only(json)).toMatchObject({ result: "success", written: true });
});

test("--service_path and --home_path say where to in place of the list; no other option may stand beside it", async () => {
  await using folder = await makeFolder();
  const list = await writeList(folder);
  const before = await readTree(folder.path);

  for (const option of ["task_service", "task_id", "context_name", "on_exit", "location"]) {
    const { code, stderr } = await create(folder, "--xml_file", list, `--${option}`, "x");
    expect(code).toBe(2);
    expect(stderr[0]).toBe(
      `error: --xml_file can't be combined with --${option}, which describes a service as well (ERR_USAGE)`,
    );
    expect(await readTree(folder.path)).toEqual(before);
  }
  const { code } = await create(folder, "--xml_file", list, "--service_path", "code", "--home_path", "home");

  expect(code).toBe(0);
  const folders = new Set((await readTree(folder.path)).map((line) => line.split(/\/| {2}/)[0]));
  expect(folders).toEqual(new Set(["code", "home", "list.xml"]));
  const check = await run("service-context", [folder.at("home/conf/Context-StateMachine.xml"), "--check"]);
  expect(check.stderr).toEqual([]);
});

test("a list with problems shows all of them with their lines, and nothing is written", async () => {
  await using folder = await makeFolder();
  const list = await writeList(folder, (text) =>
    text
      .replace("<task_service>MixDough<", "<task_service>../MixDough<")
      .replace("<task_id>ts103<", "<task_id>ts102<")
      .replace("<state_id>ts104<", "<state_id>ts999<"),
  );
  const before = await readTree(folder.path);

  const { code, stdout, stderr } = await create(folder, "--xml_file", "list.xml");

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toMatch(/^error: list\.xml has \d problems; nothing was written \(ERR_CONFIG_INVALID\)$/);
  const lines = (await readFile(list, "utf8")).split("\n");
  for (const piece of ["../MixDough", "ts102</task_id", "ts999"]) {
    const line = lines.findLastIndex((text) => text.includes(piece)) + 1;
    expect(stderr).toContainEqual(expect.stringMatching(new RegExp(`^ {2}list\\.xml:${line}:\\d+: `)));
  }
  expect(await readTree(folder.path)).toEqual(before);
});

test.each<[what: string, arrange: (list: string) => unknown]>([
  ["is not there", () => {}],
  ["is a folder", (list) => mkdir(list)],
  ["is no UTF-8 text", (list) => writeFile(list, Buffer.from("<MetaServiceConf><!-- caf\u00e9 -->", "latin1"))],
])("a list that %s is refused", async (_, arrange) => {
  await using folder = await makeFolder();
  await arrange(folder.at("list.xml"));

  const { code, stdout, stderr } = await create(folder, "--xml_file", "list.xml");

  expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  expect(stderr[0]).toMatch(/^error: cannot read the service list list\.xml: .*\(ERR_CONFIG_UNREADABLE\)$/);
});

// --- on a terminal ---------------------------------------------------------------------------------------------------

/** create-service before a person; `shell` may send its output elsewhere. */
function startAsking(
  folder: Folder,
  { given = [], columns = 200, shell = "" }: { given?: string[]; columns?: number; shell?: string } = {},
): Terminal {
  const command = [process.execPath, programOf("create-service"), ...given];
  return startOnTerminal(["sh", "-c", `exec "$@" ${shell}`, "sh", ...command], { cwd: folder.path, columns });
}

async function takeAllSuggestions(terminal: Terminal, questions: readonly string[] = REQUIRED): Promise<void> {
  for (const option of questions) {
    await terminal.reads(`(--${option})`);
    terminal.types(KEY.enter);
  }
}

test.each([200, 40])(
  "on a terminal of %i columns it asks for what is missing, and Enter takes what it suggests",
  async (columns) => {
    await using folder = await makeFolder();
    await using terminal = startAsking(folder, { columns });

    await takeAllSuggestions(terminal);

    expect(await terminal.exit).toBe(0);
    expect(await read(folder, SERVICE)).toContain('name: "greeter"');
    expect(await read(folder, "conf/Context-Greeter.xml")).toContain('<TaskService id="ts001"');
  },
);

test("suggestions follow from earlier answers, and only what is missing is asked for", async () => {
  await using folder = await makeFolder();
  const given = words({ ...GREETER, task_service: undefined, service_name: undefined, context_name: undefined });
  await using terminal = startAsking(folder, { given });

  await terminal.reads("(--task_service)");
  terminal.types(`OvenWatch${KEY.enter}`);
  await takeAllSuggestions(terminal, ["service_name", "context_name"]);

  expect(await terminal.exit).toBe(0);
  expect(terminal.text()).not.toContain("(--task_id)");
  expect(await read(folder, "services/OvenWatch/ServiceOvenWatch.ts")).toContain('name: "oven_watch"');
  expect(await read(folder, "conf/Context-OvenWatch.xml")).toContain('instance="OvenWatch"');
});

test("of a context that is there only a free id is asked for", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words({ ...GREETER, sub_port: "5556" }));
  const unknown = { context_name: undefined, task_id: undefined, server_ip: undefined, sub_port: undefined };
  const given = words({ ...GREETER, task_service: "Other", ...unknown });
  await using terminal = startAsking(folder, { given });

  await takeAllSuggestions(terminal, ["context_name", "task_id"]);

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, CONTEXT)).toMatch(/id="ts001".*id="ts002" topic="process" instance="Other"/s);
  expect(terminal.text()).not.toMatch(/warning|--server_ip|--sub_port/);
});

test("an id that another service has is no place for a second one, and that is said", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));

  const { code, stderr } = await create(folder, ...words({ ...GREETER, task_service: "Other" }));

  expect(code).toBe(0);
  expect(stderr[0]).toBe(
    `warning: ${folder.at("conf/Context-Hello.xml")} has ts001 with the instance Greeter, so Other was not added to it; give another --task_id, ts002 say`,
  );
});

test("an answer that can't be used is explained, and asked for again", async () => {
  await using folder = await makeFolder();
  await using terminal = startAsking(folder);

  await terminal.reads("(--task_service)");
  terminal.types(`1st${KEY.enter}`);
  await terminal.reads('expected a name such as EchoAction: a letter, then at most 62 letters, digits or _, got "1st"');
  terminal.types(`${KEY.backspace.repeat(3)}First${KEY.enter}`);
  await takeAllSuggestions(terminal, REQUIRED.slice(1));

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, "services/First/First.ts")).toContain("defineTask");
});

test("an answer that can't stand beside what is given is asked for again, whichever came first", async () => {
  await using folder = await makeFolder();
  const given = ["--language", "python", "--task_class", "Lines", "--pub_port", "5557"];
  await using terminal = startAsking(folder, { given });

  await terminal.reads("(--task_service)");
  terminal.types(`queue${KEY.enter}`);
  await terminal.reads('expected another name, "queue" is a module that Python itself needs');
  terminal.types(`s${KEY.enter}`);
  await takeAllSuggestions(terminal, REQUIRED.slice(1, -2));
  await terminal.reads("(--sub_port)");
  terminal.types(`5557${KEY.enter}`);
  await terminal.reads('--pub_port: expected a port other than sub_port, got "5557"');
  terminal.types(`${KEY.backspace}6${KEY.enter}`);

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, "services/queues/queues.py")).toContain("Lines");
  expect(await read(folder, "conf/Context-queues.xml")).toContain("tcp://127.0.0.1:5556");
});

test("the second of two ports that are the same is asked for again", async () => {
  await using folder = await makeFolder();
  const given = words({ ...GREETER, sub_port: undefined, pub_port: undefined });
  await using terminal = startAsking(folder, { given });

  await terminal.reads("(--sub_port)");
  terminal.types(`5556${KEY.enter}`);
  await terminal.reads("(--pub_port)");
  terminal.types(`5556${KEY.enter}`);
  await terminal.reads('expected a port other than sub_port, got "5556"');
  terminal.types(`${KEY.backspace}7${KEY.enter}`);

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, CONTEXT)).toContain("tcp://127.0.0.1:5557");
});

test.each([
  ["a port that is none", ["--pub_port", "99999"], "--pub_port: expected a port"],
  ["two ports that are the same", ["--pub_port", "5557", "--sub_port", "5557"], "--pub_port: expected a port other"],
  ["a name that hides a module", ["--language", "python", "--task_service", "queue"], '"queue" is a module'],
  ["an action that is none", ["--on_exit", "begin ts001"], "--on_exit action: expected one of start"],
  ["an action that calls nobody", ["--on_fail", "restart"], "--on_fail: expected task ids"],
])("what is given is refused before the first question: %s", async (_, given, problem) => {
  await using folder = await makeFolder();
  await using terminal = startAsking(folder, { given });

  expect(await terminal.exit).toBe(2);
  expect(terminal.text()).toContain(problem);
  expect(terminal.text()).not.toContain("(--task_");
});

test("whom a trigger calls may be in the context that is named later", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words(GREETER));
  await using terminal = startAsking(folder, { given: words({ ...WAVER, context_name: undefined }) });

  await terminal.reads("(--context_name)");
  terminal.types(`Hello${KEY.enter}`);

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, CONTEXT)).toContain("<on_exit><action>start</action><call>ts001</call></on_exit>");
});

test.each([
  ["Ctrl-C", KEY.ctrlC],
  ["Ctrl-D", KEY.ctrlD],
])("%s in the middle of the questions writes nothing, and says so", async (_, key) => {
  await using folder = await makeFolder();
  await using terminal = startAsking(folder);

  await takeAllSuggestions(terminal, REQUIRED.slice(0, 7));
  await terminal.reads("(--server_ip)");
  terminal.types(key);

  expect(await terminal.exit).toBe(2);
  expect(terminal.text()).toContain("nothing was written (ERR_USAGE)");
  expect(await readTree(folder.path)).toEqual([]);
});

test("questions are no part of the answer, which may go to a file", async () => {
  await using folder = await makeFolder();
  await using terminal = startAsking(folder, { given: ["--diagram"], shell: "> answer.txt" });

  await takeAllSuggestions(terminal);

  expect(await terminal.exit).toBe(0);
  expect(await read(folder, "answer.txt")).toBe("stateDiagram-v2\n    [*] --> ts001\n    ts001: ts001 Greeter\n");
});

test.each([
  ["for JSON", ["--json"], ""],
  ["when nobody would see the questions", [], "2> errors.txt"],
  ["when nobody would type the answers", [], "< /dev/null"],
])("nothing is asked %s", async (_, given, shell) => {
  await using folder = await makeFolder();
  await using terminal = startAsking(folder, { given, shell });

  expect(await terminal.exit).toBe(2);
  expect(terminal.text()).not.toContain("(--task_service)");
});

// --- the whole story -------------------------------------------------------------------------------------------------

test("a list of services becomes a context in which every task starts at the first try", async () => {
  await using folder = await makeFolder();
  const list = await writeList(folder);
  await create(folder, "--xml_file", list);

  const provider = startCommand("service-context", ["conf/Context-StateMachine.xml", "--start"], { cwd: folder.path });
  for (const id of ["ts100", "ts101", "ts102", "ts103", "ts104"])
    await provider.stderr.first((line) => new RegExp(` ${id} +running `).test(line), { what: `the start of ${id}` });
  const log = [...provider.stderr.all];
  provider.signal("SIGINT");

  expect((await finish(provider)).code).toBe(0);
  expect(log.filter((line) => /\b(failed|backing off|error)\b/.test(line))).toEqual([]);
});

/** Values that end literals, comments and elements where somebody forgot to escape them. */
const HOSTILE = {
  task_desc: `*/ // """ ''' \`\${process.exit(9)}\` ]]> --> </description> & \\ \\u0041 \u2028 \u{1f60a}`,
  service_name: `"+process.exit(9)+" \\" {{name}}`,
  device_action: `\`;process.exit(9)//\\ </device_action><x/> \u2029`,
};

test.each([
  ["a project of modules", { type: "module" }],
  ["a project that says nothing about modules", {}],
])("what is written passes tsc --strict in %s, with values of any kind", async (_, manifest) => {
  await using folder = await makeFolder({ "package.json": JSON.stringify(manifest) });
  await mkdir(folder.at("node_modules"));
  await symlink(REPOSITORY, folder.at("node_modules/zcontext"));
  await symlink(join(REPOSITORY, "node_modules/@types"), folder.at("node_modules/@types"));
  await create(folder, "--xml_file", await writeList(folder));
  await create(folder, ...words({ ...GREETER, ...HOSTILE, task_class: "Hello", task_type: "Single" }));
  const files = (await readTree(folder.at("services"))).flatMap((line) => /^\S+\.ts(?= )/.exec(line)?.[0] ?? []);

  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const flags = ["--strict", "--noEmit", "--module", "nodenext"];
  const paths = files.map((file) => `services/${file}`);
  const { code, stdout } = await finish(
    startProgram(process.execPath, [compiler, ...flags, ...paths], { cwd: folder.path }),
  );

  expect({ code, stdout }).toEqual({ code: 0, stdout: [] });
  expect(files.map((file) => basename(file))).toContain("BakeBread.test.ts");
  expect(files).toHaveLength(6 * 4);
});

test("values come back from the running task exactly as they were given", async () => {
  await using folder = await makeFolder();
  await create(folder, ...words({ ...GREETER, ...HOSTILE, task_type: "Single" }));
  const code =
    'kind: "single", run: (scope) => scope.log.info(JSON.stringify([scope.configuration, scope.serviceName]))';
  await writeFile(
    folder.at(CODE),
    `import { defineTask } from "zcontext/tasks";\nexport default defineTask({ ${code} });\n`,
  );

  const provider = startCommand("service-context", [CONTEXT, "--until-done"], { cwd: folder.path });
  const { code: exit, stderr } = await finish(provider);

  expect({ exit, stderr }).toMatchObject({ exit: 0 });
  const [said] = stderr.flatMap((line) => / ts001 +\| (.*)$/.exec(line)?.[1] ?? []);
  expect(JSON.parse(said ?? "null")).toEqual([{ device_action: HOSTILE.device_action.trim() }, HOSTILE.service_name]);
});

function only({ stdout }: Finished): unknown {
  expect(stdout).toHaveLength(1);
  return JSON.parse(stdout[0] as string);
}
