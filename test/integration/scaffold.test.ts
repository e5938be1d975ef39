// What the generator does to real folders. Whatever it refuses, and wherever it breaks off, everything is then as it
// was: the same names, contents and modes, inside the project and around it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import {
  parseServiceList,
  readServiceOptions,
  type ServiceOptions,
} from "../../src/config/service-list/service-list.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { Plan } from "../../src/generator/plan.ts";
import { planScaffold } from "../../src/generator/scaffold.ts";
import { writePlan } from "../../src/generator/write.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { readTree } from "../support/tree.ts";
import { GOOD_LIST } from "../unit/config/service-list/service-xml.ts";

const GREETER = {
  task_service: "Greeter",
  task_desc: "Greets people",
  service_name: "greeter",
  device_action: "greeting",
  context_name: "Hello",
  task_id: "ts001",
  service_path: "project",
  server_ip: "127.0.0.1",
  sub_port: "*",
  pub_port: "*",
};
const WAVER = { ...GREETER, task_service: "Waver", task_id: "ts002" };

const SERVICE = "project/services/Greeter/ServiceGreeter.ts";
const TASK = "project/services/Greeter/Greeter.ts";
const CONTEXT = "project/conf/Context-Hello.xml";
const TARGETS = [
  SERVICE,
  TASK,
  "project/services/Greeter/index.ts",
  "project/services/Greeter/Greeter.test.ts",
  CONTEXT,
] as const;

/** A project beside a folder that is none of the generator's business. */
async function makeGround(): Promise<Folder> {
  const folder = await makeFolder({ "outside/Greeter/ServiceGreeter.ts": "a treasure\n", "outside/note.txt": "x" });
  await mkdir(folder.at("project"));
  return folder;
}

function plan(folder: Folder, options: ServiceOptions = GREETER, force = false): Plan {
  return planScaffold(readServiceOptions(options), { cwd: folder.path, force });
}

function write(folder: Folder, options: ServiceOptions = GREETER, force = false): Plan {
  const planned = plan(folder, options, force);
  writePlan(planned);
  return planned;
}

function fates({ files }: Plan): string[] {
  return files.map(({ fate }) => fate);
}

/** The error of what must fail and must leave everything as it is. */
async function refusalOf(folder: Folder, attempt: () => unknown): Promise<ZcontextError> {
  const before = await readTree(folder.path);
  const error = thrownBy(attempt);
  expect(await readTree(folder.path)).toEqual(before);
  return error;
}

function thrownBy(attempt: () => unknown): ZcontextError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ZcontextError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Puts a link at a place of the folder, and makes the folders on the way to it. */
async function link(folder: Folder, at: string, target: string): Promise<void> {
  await mkdir(dirname(folder.at(at)), { recursive: true });
  await symlink(target, folder.at(at));
}

async function makePipe(folder: Folder, at: string): Promise<void> {
  await mkdir(dirname(folder.at(at)), { recursive: true });
  execFileSync("mkfifo", [folder.at(at)]);
}

// --- what is in the way ----------------------------------------------------------------------------------------------

const LINKS: [what: string, at: string, target: (folder: Folder) => string][] = [
  ["a service folder that leads out of the project", "project/services/Greeter", ({ at }) => at("outside/Greeter")],
  ["a service folder that leads to another one", "project/services/Greeter", () => "."],
  ["a service folder that leads nowhere", "project/services/Greeter", () => "gone"],
  ["the folder services", "project/services", ({ at }) => at("outside")],
  ["the folder Services of the original", "project/Services", ({ at }) => at("outside")],
  ["a folder services that leads nowhere", "project/services", ({ at }) => at("outside/gone")],
  ["the folder conf", "project/conf", ({ at }) => at("outside")],
  ["a folder conf that leads nowhere", "project/conf", () => "gone"],
  ["a folder conf that leads to itself", "project/conf", () => "conf"],
  ["a project that leads nowhere", "nowhere", () => "gone"],
];

test.each(LINKS)("nothing is written through a link: %s", async (_, at, target) => {
  await using folder = await makeGround();
  await link(folder, at, target(folder));

  const options = at === "nowhere" ? { ...GREETER, service_path: at } : GREETER;
  const { code, message } = await refusalOf(folder, () => write(folder, options));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toMatch(new RegExp(`^${folder.at(at)}: .*; nothing was written$`));
});

test.each(TARGETS)("%s is not written through a link, be it to a file or to nothing", async (target) => {
  await using folder = await makeGround();
  await link(folder, target, folder.at("outside/note.txt"));

  const toFile = await refusalOf(folder, () => write(folder, GREETER, true));
  await rm(folder.at(target));
  await link(folder, target, folder.at("outside/gone"));
  const toNothing = await refusalOf(folder, () => write(folder, GREETER, true));

  for (const { code, message } of [toFile, toNothing]) {
    expect(code).toBe("ERR_TARGET_REFUSED");
    expect(message).toBe(`${folder.at(target)}: nothing is written through a symbolic link; nothing was written`);
  }
});

test.each(TARGETS)("a folder where %s should be is refused", async (target) => {
  await using folder = await makeGround();
  await mkdir(folder.at(target), { recursive: true });

  const { code, message } = await refusalOf(folder, () => write(folder));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toBe(`${folder.at(target)}: expected a file, got a folder; nothing was written`);
});

test.each(["project", "project/services", "project/services/Greeter", "project/conf"])(
  "a file or a pipe in place of the folder %s is refused",
  async (target) => {
    await using folder = await makeFolder();
    await folder.write(target, "a file");

    const file = await refusalOf(folder, () => write(folder));
    await rm(folder.at(target));
    await makePipe(folder, target);
    const pipe = await refusalOf(folder, () => write(folder));

    expect([file.code, pipe.code]).toEqual(["ERR_TARGET_REFUSED", "ERR_TARGET_REFUSED"]);
    expect(file.message).toBe(`${folder.at(target)}: expected a folder, got a file; nothing was written`);
    expect(pipe.message).toContain(`${folder.at(target)}: expected a folder, got `);
  },
);

test.each(TARGETS)("%s that is no UTF-8 text is refused", async (target) => {
  await using folder = await makeGround();
  await folder.write(target, "");
  await writeFile(folder.at(target), Buffer.from([0xff, 0xfe, 0x3c, 0x00]));

  const { code, message } = await refusalOf(folder, () => write(folder, GREETER, true));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toContain(`${folder.at(target)}: expected UTF-8 text`);
});

// --- locations -------------------------------------------------------------------------------------------------------

test.each([
  ["an absolute folder", "outside", true],
  ["one above the project", ".."],
  ["one beside the project", "../outside"],
  ["one whose name begins as the project's", "../project-of-another"],
  ["one that comes back down elsewhere", "code/../../outside"],
  ["the root", "/"],
])("a location outside the project is refused: %s", async (_, location, isAbsolute = false) => {
  await using folder = await makeGround();

  const options = { ...GREETER, location: isAbsolute ? folder.at(location) : location };
  const { code, details } = await refusalOf(folder, () => write(folder, options));

  expect(code).toBe("ERR_USAGE");
  expect(details).toEqual([
    expect.stringContaining(`--location: expected a folder of the project ${folder.at("project")}, got `),
  ]);
});

test.each([
  ["itself a link", "away"],
  ["a folder behind a link", "away/Greeter"],
  ["a folder that only a link makes one of the project", "away/../away"],
])("a location through a link is refused: %s", async (_, location) => {
  await using folder = await makeGround();
  await link(folder, "project/away", folder.at("outside"));

  const { code, message } = await refusalOf(folder, () => write(folder, { ...GREETER, location }));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toContain(`${folder.at("project/away")}: nothing is written through a symbolic link`);
});

test("a location with a name too long for the file system is refused", async () => {
  await using folder = await makeGround();

  const { code } = await refusalOf(folder, () => write(folder, { ...GREETER, location: "x".repeat(256) }));

  expect(["ERR_TARGET_REFUSED", "ERR_WRITE_FAILED"]).toContain(code);
});

test("a location with a NUL in it is refused", async () => {
  await using folder = await makeGround();

  const { code } = await refusalOf(folder, () => write(folder, { ...GREETER, location: "code\0/../.." }));

  expect(code).toBe("ERR_USAGE");
});

test("a location within the project may be absolute, and have dots in it", async () => {
  await using folder = await makeGround();

  write(folder, { ...GREETER, location: folder.at("project", "code", "..", "code", "mine") });

  expect(await readFile(folder.at("project/code/mine/Greeter/Greeter.ts"), "utf8")).toContain("defineTask");
  expect(await readTree(folder.at("project"))).not.toContainEqual(expect.stringMatching(/^services/));
});

test("a location may be told by the link that leads to the project", async () => {
  await using folder = await makeGround();
  await link(folder, "link", "project");
  const through = { ...GREETER, service_path: folder.at("link") };

  write(folder, { ...through, location: folder.at("link/code") });
  write(folder, { ...through, task_service: "Waver", task_id: "ts002", location: folder.at("project/code") });

  const names = (await readTree(folder.at("project"))).map((line) => line.split("  ")[0]);
  expect(names).toEqual(expect.arrayContaining(["code/Greeter/Greeter.ts", "code/Waver/Waver.ts"]));
  expect(await readFile(folder.at(CONTEXT), "utf8")).toContain(`<location>${folder.at("link/code")}</location>`);
});

test("a list of the original's, with a place of its own for the code, can be moved to another project", async () => {
  await using folder = await makeGround();
  const text = GOOD_LIST.replaceAll("/project<", "/opt/zmicroservices<").replace(
    "<Service>",
    "<location>/opt/zmicroservices/Services</location><Service>",
  );

  writePlan(planScaffold(parseServiceList(text, { servicePath: "project" }), { cwd: folder.path }));

  expect(await readFile(folder.at("project/Services/Echo/Echo.ts"), "utf8")).toContain("defineTask");
  expect(await readFile(folder.at("project/conf/Context-Test.xml"), "utf8")).toContain(
    "<location>../Services</location>",
  );
});

test("all locations of a list that are outside are told at once, with their lines, beside its other problems", async () => {
  await using folder = await makeGround();
  const text = GOOD_LIST.replaceAll("<task_service>", "<location>..</location><task_service>").replace(
    ">ts002</state_id>",
    ">nobody</state_id>",
  );
  const draft = parseServiceList(text, { file: "s.xml", servicePath: "project" });

  const { code, details } = await refusalOf(folder, () => planScaffold(draft, { cwd: folder.path }));

  expect(code).toBe("ERR_CONFIG_INVALID");
  expect(details.map((line) => line.split(" expected")[0])).toEqual([
    "s.xml:8:5: Service Echo, location:",
    expect.stringContaining("s.xml:17:60: Service Echo, on_exit state_id:"),
    "s.xml:20:5: Service Listen, location:",
  ]);
});

// --- a context file that is there ------------------------------------------------------------------------------------

test.each([
  ["not well-formed", "<Context><TaskService></Context>"],
  ["another document", "<html/>"],
  ["empty", ""],
  ["without the endpoints", "<Context><ContextID>c</ContextID></Context>"],
  ["with a trigger that calls an unknown id", (text: string) => text.replace("<call></call>", "<call>ts777</call>")],
  ["with the same id twice", (text: string) => text.replace(/ {2}<TaskService[\s\S]*<\/TaskService>\n/, "$&$&")],
  ["with a document type", (text: string) => text.replace("<Context>", "<!DOCTYPE Context>\n<Context>")],
])("a context file with problems is refused, and no code is written: %s", async (_, change) => {
  await using folder = await makeGround();
  write(folder, WAVER);
  const text = await readFile(folder.at(CONTEXT), "utf8");
  await folder.write(CONTEXT, typeof change === "string" ? change : change(text));

  const { code, message } = await refusalOf(folder, () => write(folder));

  expect(code).toBe("ERR_CONFIG_INVALID");
  expect(message).toContain(folder.at(CONTEXT));
});

// As an editor on Windows leaves it, or in a style of its own.
const ODD_CONTEXT = [
  "<?xml version='1.0' encoding='utf-8' ?>",
  "<!-- ours: don't touch -->",
  "<Context  >",
  "\t<ContextID>context001</ContextID><TaskLogName>Hello</TaskLogName>   ",
  "\t<BackendEndpoint>tcp://127.0.0.1:*</BackendEndpoint>",
  "\t<FrontEndEndpoint><![CDATA[tcp://127.0.0.1:*]]></FrontEndEndpoint>",
  "",
  "\t<!-- \u{1f60a} & <TaskService> in words -->",
  "\t<FrontBind>tcp://127.0.0.1:*</FrontBind>",
  "\t<BackendBind>tcp://127.0.0.1:*</BackendBind>",
  "</Context  >",
  "<!-- the end; no line end behind it -->",
];

test.each([
  ["line ends of Unix", "\n", ""],
  ["line ends of Windows", "\r\n", ""],
  ["line ends of Windows and a byte order mark", "\r\n", "\ufeff"],
])("a context file keeps every byte around the task that is added: %s", async (_, lineEnd, mark) => {
  await using folder = await makeGround();
  const before = mark + ODD_CONTEXT.join(lineEnd);
  await folder.write(CONTEXT, before);

  const planned = write(folder);

  const after = await readFile(folder.at(CONTEXT), "utf8");
  const at = before.indexOf("</Context  >");
  expect(planned.files.at(-1)).toMatchObject({ fate: "updated", note: "ts001 added" });
  expect(after.slice(0, at)).toBe(before.slice(0, at));
  expect(after.slice(at - before.length)).toBe(before.slice(at));
  const added = after.slice(at, at - before.length);
  expect(added).toMatch(/^\s*\t<TaskService id="ts001" [\s\S]*\t<\/TaskService>\r?\n$/);
  expect(added.replaceAll(lineEnd, "")).not.toMatch(/[\r\n]/);
});

test("a second run changes nothing, not even in a context file with line ends of Windows", async () => {
  await using folder = await makeGround();
  await folder.write(CONTEXT, `\ufeff${ODD_CONTEXT.join("\r\n")}`);
  write(folder);
  const before = await readTree(folder.path);

  const again = write(folder);

  expect(fates(again)).toEqual(["unchanged", "kept", "unchanged", "kept", "unchanged"]);
  expect(await readTree(folder.path)).toEqual(before);
});

// --- between the plan and its writing --------------------------------------------------------------------------------

const OTHER_WORDS = { ...GREETER, task_desc: "Greets everybody" };

test("a file that has changed since the plan was made keeps its change", async () => {
  await using folder = await makeGround();
  write(folder);
  const planned = plan(folder, { ...OTHER_WORDS, context_name: "Other" });
  await folder.write(SERVICE, "mine now\n");

  const { code, message } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toBe(`${folder.at(SERVICE)} has changed just now; nothing was written`);
});

test.each(TARGETS)("%s that has appeared since the plan was made is kept", async (target) => {
  await using folder = await makeGround();
  const planned = plan(folder);
  await folder.write(target, "mine now\n");

  const { code, message } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toBe(`${folder.at(target)} has changed just now; nothing was written`);
});

test("a context file that is gone since the plan was made is not brought back", async () => {
  await using folder = await makeGround();
  write(folder);
  const planned = plan(folder, WAVER);
  await rm(folder.at(CONTEXT));

  const { code, message } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(message).toBe(`${folder.at(CONTEXT)} has changed just now; nothing was written`);
});

test.each(["project/services", "project/conf"])(
  "%s that has become a link since the plan was made leads nothing out of the project",
  async (at) => {
    await using folder = await makeGround();
    const planned = plan(folder);
    await link(folder, at, folder.at("outside"));
    const before = await stat(folder.at("outside"), { bigint: true });

    const { code } = await refusalOf(folder, () => writePlan(planned));

    expect(code).toBe("ERR_TARGET_REFUSED");
    // Not for a moment: the folder has not been touched.
    expect((await stat(folder.at("outside"), { bigint: true })).mtimeNs).toBe(before.mtimeNs);
  },
);

test("a link that has taken the place of a file since the plan was made is not written through", async () => {
  await using folder = await makeGround();
  write(folder);
  const planned = plan(folder, { ...OTHER_WORDS, context_name: "Other" });
  await rename(folder.at(SERVICE), folder.at("outside/moved.ts"));
  await link(folder, SERVICE, folder.at("outside/moved.ts"));

  const { code } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_TARGET_REFUSED");
});

test("a file that changes while others are written keeps its change as well", async () => {
  await using folder = await makeGround();
  write(folder);
  const planned = plan(folder, { ...OTHER_WORDS, context_name: "Other" });
  const before = (await readTree(folder.path)).filter((line) => !line.startsWith(SERVICE));
  const files = planned.files.map((file) => ({
    ...file,
    get after() {
      writeFileSync(folder.at(SERVICE), "mine now\n");
      return file.after;
    },
  }));

  const { code } = thrownBy(() => writePlan({ ...planned, files }));

  expect(code).toBe("ERR_TARGET_REFUSED");
  expect(await readFile(folder.at(SERVICE), "utf8")).toBe("mine now\n");
  expect((await readTree(folder.path)).filter((line) => !line.startsWith(SERVICE))).toEqual(before);
});

test("a folder that has become a file since the plan was made: what was written before it is taken back", async () => {
  await using folder = await makeGround();
  const planned = plan(folder);
  await folder.write("project/conf", "a file");

  await refusalOf(folder, () => writePlan(planned));
});

// --- failures half-way -----------------------------------------------------------------------------------------------

/** The plan with something else in place of the last of its files. */
function withLast(planned: Plan, change: (path: string) => string): Plan {
  const files = planned.files.map((file, index, { length }) =>
    index === length - 1 ? { ...file, path: change(file.path) } : file,
  );
  return { ...planned, files };
}

test("a file that can't be written takes back those before it, and their folders", async () => {
  await using folder = await makeGround();
  // As long as a name may be: there is no room for a temporary one.
  const planned = withLast(plan(folder), (path) => `${dirname(path)}/deep/er/${"x".repeat(255)}`);

  const { code, message } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_WRITE_FAILED");
  expect(message).toMatch(/ENAMETOOLONG.*; nothing was written$/);
});

test("a file that can't get its name takes back those that have it, created and replaced ones", async () => {
  await using folder = await makeGround();
  write(folder);
  await chmod(folder.at(SERVICE), 0o604);
  await rm(folder.at("project/services/Greeter/index.ts"));
  // Nothing but a folder can be renamed to a name with a slash at its end.
  const planned = withLast(plan(folder, { ...OTHER_WORDS, context_name: "Other" }), (path) => `${path}/`);
  expect(fates(planned)).toEqual(["replaced", "kept", "created", "kept", "created"]);

  const { code, message } = await refusalOf(folder, () => writePlan(planned));

  expect(code).toBe("ERR_WRITE_FAILED");
  expect(message).toMatch(/rename.*; nothing was written$/);
});

/** The plan that does something just before the last of its files, when all others are in place; that one then fails. */
function atTheEnd(planned: Plan, disturb: () => void): Plan {
  const created = planned.files.find(({ fate }) => fate === "created")?.path ?? "";
  const last = planned.files.at(-1);
  const files = planned.files.map((file) => ({
    ...file,
    get path() {
      if (file !== last || !existsSync(created)) return file.path;
      disturb();
      throw new Error("the disk is gone");
    },
  }));
  return { ...planned, files };
}

test("what can't be taken back is told, and what could be is as it was", async () => {
  await using folder = await makeGround();
  const before = await readTree(folder.at("outside"));
  const planned = atTheEnd(plan(folder), () => {
    rmSync(folder.at(SERVICE));
    mkdirSync(folder.at(SERVICE));
    writeFileSync(folder.at(SERVICE, "mine.txt"), "mine\n");
  });

  const { code, message, details } = thrownBy(() => writePlan(planned));

  expect(code).toBe("ERR_WRITE_FAILED");
  expect(message).toBe("the disk is gone; what was written could not be taken back");
  expect(details).toEqual([SERVICE, dirname(SERVICE), "project/services"].map((path) => folder.at(path)));
  const names = (await readTree(folder.at("project"))).map((line) => line.split("  ")[0]);
  const left = SERVICE.slice("project/".length);
  expect(names).toEqual(["services", dirname(left), left, `${left}/mine.txt`]);
  expect(await readTree(folder.at("outside"))).toEqual(before);
});

test("a file that can't get its old text back has it in a copy, and that is told", async () => {
  await using folder = await makeGround();
  write(folder);
  await rm(folder.at("project/services/Greeter/index.ts"));
  const before = await readFile(folder.at(SERVICE), "utf8");
  const planned = atTheEnd(plan(folder, { ...OTHER_WORDS, context_name: "Other" }), () => {
    rmSync(folder.at(SERVICE));
    mkdirSync(folder.at(SERVICE));
  });

  const { code, details } = thrownBy(() => writePlan(planned));

  expect(code).toBe("ERR_WRITE_FAILED");
  const [, path, copy = ""] = /^(.*); what it held is in (.*)$/.exec(details[0] ?? "") ?? [];
  expect(details).toHaveLength(1);
  expect(path).toBe(folder.at(SERVICE));
  expect(await readFile(copy, "utf8")).toBe(before);
});

test("a refusal that leaves something behind does not say that nothing was written", async () => {
  await using folder = await makeGround();
  const planned = plan(folder);
  const files = planned.files.map((file, index) => ({
    ...file,
    get after() {
      if (index === 1) writeFileSync(folder.at(SERVICE), "mine now\n");
      return file.after;
    },
  }));

  const { code, message, details } = thrownBy(() => writePlan({ ...planned, files }));

  expect(code).toBe("ERR_WRITE_FAILED");
  expect(message).toBe(`${folder.at(SERVICE)} has changed just now; what was written could not be taken back`);
  expect(details).toEqual([dirname(SERVICE), "project/services"].map((path) => folder.at(path)));
  expect(await readTree(folder.at("project"))).toHaveLength(3);
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s means afterwards what it meant before", async (signal) => {
  await using folder = await makeGround();
  const before = process.listeners(signal);

  write(folder);
  thrownBy(() => write(folder, { ...GREETER, location: ".." }));

  expect(process.listeners(signal)).toEqual(before);
});

// --- what is written -------------------------------------------------------------------------------------------------

test("a project may be a link, and need not be there yet", async () => {
  await using folder = await makeGround();
  await link(folder, "link", "project");

  write(folder, { ...GREETER, service_path: "link/new/one", home_path: "link" });

  expect(await readTree(folder.at("project"))).toEqual([
    expect.stringMatching(/^conf {2}40/),
    expect.stringMatching(/^conf\/Context-Hello.xml {2}100/),
    expect.stringMatching(/^new {2}40/),
    expect.stringMatching(/^new\/one {2}40/),
    expect.stringMatching(/^new\/one\/services {2}40/),
    ...["", "/Greeter.test.ts", "/Greeter.ts", "/ServiceGreeter.ts", "/index.ts"].map((name) =>
      expect.stringContaining(`new/one/services/Greeter${name}  `),
    ),
  ]);
});

test("the folders of the original, with capital letters, are used where they are", async () => {
  await using folder = await makeGround();
  await mkdir(folder.at("project/Services"));
  await mkdir(folder.at("project/Conf"));

  write(folder);

  const names = (await readTree(folder.at("project"))).map((line) => line.split("/")[0]?.split(" ")[0]);
  expect(new Set(names)).toEqual(new Set(["Conf", "Services"]));
});

test("files that are replaced keep their modes, whatever the umask", async () => {
  await using folder = await makeGround();
  write(folder);
  await chmod(folder.at(SERVICE), 0o666);
  await chmod(folder.at(CONTEXT), 0o640);
  await chmod(folder.at("project/services/Greeter/index.ts"), 0o755);

  using _ = umask(0o077);
  const replaced = write(folder, { ...OTHER_WORDS, task_class: "Hello" });
  const added = write(folder, WAVER);

  expect(fates(replaced).slice(0, 3)).toEqual(["replaced", "kept", "replaced"]);
  expect(fates(added).at(-1)).toBe("updated");
  expect(await modeOf(folder.at(SERVICE))).toBe(0o666);
  expect(await modeOf(folder.at("project/services/Greeter/index.ts"))).toBe(0o755);
  expect(await modeOf(folder.at(CONTEXT))).toBe(0o640);
});

test("files and folders that are created have the modes that the umask leaves them", async () => {
  await using folder = await makeGround();

  using _ = umask(0o027);
  write(folder);

  for (const target of TARGETS) {
    expect(await modeOf(folder.at(target))).toBe(0o640);
    expect(await modeOf(dirname(folder.at(target)))).toBe(0o750);
  }
});

test("a read-only file is replaced all the same, and keeps its mode", async () => {
  await using folder = await makeGround();
  write(folder);
  await chmod(folder.at(SERVICE), 0o444);

  write(folder, OTHER_WORDS);

  expect(await readFile(folder.at(SERVICE), "utf8")).toContain("Greets everybody");
  expect(await modeOf(folder.at(SERVICE))).toBe(0o444);
});

test("a generated file with line ends of Windows counts as untouched", async () => {
  await using folder = await makeGround();
  write(folder);
  await folder.write(SERVICE, (await readFile(folder.at(SERVICE), "utf8")).replaceAll("\n", "\r\n"));

  expect(fates(plan(folder, OTHER_WORDS))[0]).toBe("replaced");
});

test("an empty file of the user's is kept; an empty generated one counts as changed", async () => {
  await using folder = await makeGround();
  await folder.write(TASK, "");
  await folder.write(SERVICE, "");

  const planned = write(folder);

  expect(fates(planned)).toEqual(["kept", "kept", "created", "created", "created"]);
  expect(await readFile(folder.at(SERVICE), "utf8")).toBe("");
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

function umask(mask: number): Disposable {
  const before = process.umask(mask);
  return { [Symbol.dispose]: () => void process.umask(before) };
}
