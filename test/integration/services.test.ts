import { execFile } from "node:child_process";
import { chmod, mkdir, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../src/config/context-config.ts";
import { openServices, type ServicesOptions } from "../../src/launch/code/services.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

/** A task of this instance, with the location where its file names one. */
function taskOf(instance: string, location?: string): TaskServiceConfig {
  return {
    id: "ts_1",
    instance,
    topic: "process",
    serviceType: "Process",
    serviceName: instance.toLowerCase(),
    description: "",
    entry: "on_start",
    configuration: location === undefined ? {} : { location },
    triggers: {},
    supervision: DEFAULT_SUPERVISION,
  };
}

function servicesOf(folder: Folder, options: Partial<ServicesOptions> = {}) {
  return openServices({ file: folder.at("conf/Context.xml"), ownTasks: [], stateDir: folder.at("state"), ...options });
}

/** What a module exports by default, as Node itself loads it. */
async function load(module: string): Promise<unknown> {
  const code = `import(${JSON.stringify(pathToFileURL(module).href)}).then((it) => console.log(JSON.stringify(it.default)))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--enable-source-maps", "-e", code]);
  return JSON.parse(stdout);
}

const MODULE = "export default {};";

// --- finding ---------------------------------------------------------------------------------------------------------

test.each([
  ["in services beside the context file", "conf/services"],
  ["in services next to the folder of the context file", "services"],
  ["in Services, as the original has it", "Services"],
])("a service is found %s", async (_where, place) => {
  await using folder = await makeFolder({ [`${place}/Echo/ServiceEcho.mjs`]: MODULE, "conf/Context.xml": "" });

  expect(await servicesOf(folder).locate(taskOf("Echo"))).toBe(folder.at(place, "Echo", "ServiceEcho.mjs"));
});

test("a service is found in a further folder that the provider was given", async () => {
  await using folder = await makeFolder({ "elsewhere/Echo/ServiceEcho.mjs": MODULE });

  const services = servicesOf(folder, { roots: [folder.at("elsewhere")] });

  expect(await services.locate(taskOf("Echo"))).toBe(folder.at("elsewhere/Echo/ServiceEcho.mjs"));
});

test("a service is found where the provider's own file says, by an absolute or a relative location", async () => {
  await using folder = await makeFolder({
    "elsewhere/Echo/ServiceEcho.mjs": MODULE,
    "services/Echo/ServiceEcho.js": "",
  });
  const tasks = [taskOf("Echo", folder.at("elsewhere")), taskOf("Echo", "../elsewhere")];
  const services = servicesOf(folder, { ownTasks: tasks });

  const found = await Promise.all(tasks.map((task) => services.locate(task)));

  expect(found).toEqual(Array(2).fill(folder.at("elsewhere/Echo/ServiceEcho.mjs")));
});

test.each(["ts", "mts", "mjs", "js", "cjs"])("a service may end in .%s", async (ending) => {
  await using folder = await makeFolder({ [`services/Echo/ServiceEcho.${ending}`]: MODULE });

  expect(await servicesOf(folder).locate(taskOf("Echo"))).toBe(folder.at(`services/Echo/ServiceEcho.${ending}`));
});

test("a service that is not there is reported with the folders that were looked in", async () => {
  await using folder = await makeFolder({ "services/Other/ServiceOther.mjs": MODULE });
  await mkdir(folder.at("further"));
  const services = servicesOf(folder, { roots: [folder.at("further"), folder.at("missing")] });

  await expect(services.locate(taskOf("Echo"))).rejects.toMatchObject({
    code: "ERR_SERVICE_NOT_FOUND",
    message: expect.stringMatching(
      new RegExp(`ts_1.*Echo/ServiceEcho.*: looked in ${folder.at("further")}, ${folder.at("services")}$`),
    ),
  });
});

test("where there is no folder to look in, those that are missing are named", async () => {
  await using folder = await makeFolder();

  await expect(servicesOf(folder).locate(taskOf("Echo"))).rejects.toMatchObject({
    code: "ERR_SERVICE_NOT_FOUND",
    message: expect.stringMatching(new RegExp(`no ${folder.at("conf/services")}\\b.*no ${folder.at("services")}`)),
  });
});

test.each(["constructor", "toString", "hasOwnProperty", "valueOf"])(
  "an instance called %s is like any other that is not there",
  async (instance) => {
    await using folder = await makeFolder({ "services/Echo/ServiceEcho.mjs": MODULE });

    await expect(servicesOf(folder).prepare(taskOf(instance))).rejects.toMatchObject({ code: "ERR_SERVICE_NOT_FOUND" });
  },
);

// --- what may be loaded ----------------------------------------------------------------------------------------------

test("a link that leads out of the folders that code may come from is refused", async () => {
  await using folder = await makeFolder({ "secret/Echo/ServiceEcho.mjs": MODULE, "services/README": "" });
  await symlink(folder.at("secret/Echo"), folder.at("services/Echo"));

  await expect(servicesOf(folder).prepare(taskOf("Echo"))).rejects.toMatchObject({
    code: "ERR_LOCATION_FORBIDDEN",
    message: expect.stringContaining(folder.at("secret/Echo/ServiceEcho.mjs")),
  });
});

test("a link from one folder that code may come from to another is followed", async () => {
  await using folder = await makeFolder({ "shared/Echo/ServiceEcho.mjs": MODULE, "services/README": "" });
  await symlink(folder.at("shared/Echo"), folder.at("services/Echo"));

  const services = servicesOf(folder, { roots: [folder.at("shared")] });

  expect(await services.locate(taskOf("Echo"))).toBe(folder.at("shared/Echo/ServiceEcho.mjs"));
});

test("a location may be loaded from only if it lies below one that the provider knows", async () => {
  await using folder = await makeFolder();
  const { mayLoad } = servicesOf(folder, { roots: [folder.at("root")], ownTasks: [taskOf("Own", "../own")] });
  const may = (location?: string) => mayLoad(taskOf("Echo", location));

  const allowed = [undefined, "", "services", "../services", "../own", folder.at("own"), "../own/deeper", "../root"];
  const forbidden = ["/", "..", "../..", "../own/..", "../own/../secret", folder.at("own2"), "../roots", "/tmp"];

  expect(allowed.filter((location) => !may(location))).toEqual([]);
  expect(forbidden.filter(may)).toEqual([]);
});

test("code outside is not loaded, even if the caller did not check before whether it may be", async () => {
  await using folder = await makeFolder({ "secret/Echo/ServiceEcho.mjs": MODULE });

  await expect(servicesOf(folder).prepare(taskOf("Echo", folder.at("secret")))).rejects.toMatchObject({
    code: "ERR_LOCATION_FORBIDDEN",
  });
});

// --- programs --------------------------------------------------------------------------------------------------------

afterEach(() => {
  vi.unstubAllEnvs();
});

/** An Executable that runs this program. */
function programTask(program: string, ...words: string[]): TaskServiceConfig {
  return { ...taskOf("Echo"), serviceType: "Executable", command: { program, words, readyAfterMs: 1_000 } };
}

/** Finds a program for a provider whose file names it, for a task with these variables that runs in this folder. */
function findProgram(
  folder: Folder,
  program: string,
  environment: Record<string, string> = {},
  workingFolder?: string,
): Promise<string> {
  const task = programTask(program);
  if (workingFolder !== undefined) task.supervision = { ...task.supervision, workingFolder };
  return servicesOf(folder, { ownTasks: [task] }).locate(task, environment);
}

async function makeProgram(folder: Folder, name: string): Promise<string> {
  const path = await folder.write(name, "#!/bin/sh\n");
  await chmod(path, 0o755);
  return path;
}

test("a program with a slash is found from the folder of the context file, whatever it is called", async () => {
  await using folder = await makeFolder();
  const beside = await makeProgram(folder, "conf/run.ts");
  const below = await makeProgram(folder, "services/Echo/run");
  const task = programTask("./run.ts");

  expect(await findProgram(folder, "./run.ts")).toBe(beside);
  expect(await findProgram(folder, "../services/Echo/run")).toBe(below);
  expect(await findProgram(folder, beside)).toBe(beside);
  expect(await servicesOf(folder, { ownTasks: [task] }).prepare(task)).toBe(beside);
});

test("a program without a slash is the first on the PATH that can be run", async () => {
  await using folder = await makeFolder({ "plain/echo": "", "folder/echo/README": "", "conf/echo": "" });
  const first = await makeProgram(folder, "first/echo");
  await makeProgram(folder, "second/echo");
  await chmod(folder.at("conf/echo"), 0o755);
  const path = ["", "missing", "plain", "folder", "first", "second"];
  vi.stubEnv("PATH", path.map((name) => (name === "" ? "" : folder.at(name))).join(":"));

  expect(await findProgram(folder, "echo")).toBe(first);
});

test("a program is found on the PATH of its task, not on the provider's", async () => {
  await using folder = await makeFolder();
  const own = await makeProgram(folder, "venv/bin/tool");
  await makeProgram(folder, "system/tool");
  vi.stubEnv("PATH", folder.at("system"));

  expect(await findProgram(folder, "tool", { PATH: `${folder.at("missing")}:${folder.at("venv/bin")}` })).toBe(own);
  await expect(findProgram(folder, "tool", { PATH: folder.at("missing") })).rejects.toThrow(
    `ts_1: no program "tool" on the PATH of its own environment, ${folder.at("missing")}`,
  );
  await expect(findProgram(folder, "tool", { PATH: "" })).rejects.toThrow(
    `ts_1: no program "tool" on the PATH of its own environment, which is empty`,
  );
});

test("a relative entry of the PATH starts where the program is to run, and an empty one counts for nothing", async () => {
  await using folder = await makeFolder();
  const beside = await makeProgram(folder, "conf/bin/tool");
  const below = await makeProgram(folder, "conf/data/bin/tool");
  await makeProgram(folder, "conf/other");
  vi.stubEnv("PATH", folder.at("missing"));

  expect(await findProgram(folder, "tool", { PATH: "bin" })).toBe(beside);
  expect(await findProgram(folder, "tool", { PATH: "bin" }, "data")).toBe(below);
  await expect(findProgram(folder, "other", { PATH: ":/missing:" })).rejects.toThrow(`no program "other"`);
  vi.stubEnv("PATH", "bin");
  expect(await findProgram(folder, "tool", {}, "data")).toBe(below);
});

test.each(["/opt/venv/bin:$PATH", "~/venv/bin:/usr/bin"])("that %s is not expanded is said", async (path) => {
  await using folder = await makeFolder();

  await expect(findProgram(folder, "ecko", { PATH: path })).rejects.toThrow(
    `ts_1: no program "ecko" on the PATH of its own environment, ${path}; $ and ~ are not expanded there`,
  );
});

test.each([
  ["is nowhere on the PATH", "ecko", () => `ts_1: no program "ecko" on the provider's PATH`],
  ["is not there", "./ecko", (folder: Folder) => `ts_1: no program ${folder.at("conf/ecko")}`],
  ["is below a file", "./plain/ecko", (folder: Folder) => `ts_1: no program ${folder.at("conf/plain/ecko")}`],
  ["is a folder", "../conf", (folder: Folder) => `ts_1: ${folder.at("conf")} is not a file`],
  [
    "is not executable",
    "./plain",
    (folder: Folder) => `ts_1: ${folder.at("conf/plain")} is not executable; chmod +x it`,
  ],
  [
    "is on the PATH but not executable",
    "plain",
    (folder: Folder) => `ts_1: ${folder.at("conf/plain")} is not executable; chmod +x it`,
  ],
])("a program that %s is reported as such", async (_what, program, message) => {
  await using folder = await makeFolder({ "conf/plain": "" });
  vi.stubEnv("PATH", folder.at("conf"));

  await expect(findProgram(folder, program)).rejects.toMatchObject({
    code: "ERR_SERVICE_NOT_FOUND",
    message: message(folder),
  });
});

test("a program that the provider's own file does not run with these words is refused", async () => {
  await using folder = await makeFolder();
  const services = servicesOf(folder, { ownTasks: [programTask("sh", "-c", "exit 0")] });
  const foreign = programTask("sh", "-c", "exit 1");

  await expect(services.prepare(foreign)).rejects.toMatchObject({ code: "ERR_LOCATION_FORBIDDEN" });
});

// --- TypeScript ------------------------------------------------------------------------------------------------------

const TYPESCRIPT = {
  "services/Echo/ServiceEcho.ts": `import { word } from "./word.js";\nexport default { word } satisfies object;`,
  "services/Echo/word.ts": `export const word: string = "first";`,
};

/** A file that was written anew is another one: it was put in place whole. */
async function identityOf(file: string): Promise<string> {
  const { ino, mtimeMs } = await stat(file);
  return `${ino} ${mtimeMs}`;
}

test("JavaScript runs as it is", async () => {
  await using folder = await makeFolder({ "services/Echo/ServiceEcho.mjs": MODULE });

  expect(await servicesOf(folder).prepare(taskOf("Echo"))).toBe(folder.at("services/Echo/ServiceEcho.mjs"));
  await expect(stat(folder.at("state"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("TypeScript is compiled once, for later providers of the same state folder as well", async () => {
  await using folder = await makeFolder(TYPESCRIPT);
  const services = servicesOf(folder);

  const module = await services.prepare(taskOf("Echo"));
  const first = await identityOf(module);
  const again = [await services.prepare(taskOf("Echo")), await servicesOf(folder).prepare(taskOf("Echo"))];

  expect(again).toEqual([module, module]);
  expect(await identityOf(module)).toBe(first);
  expect(await load(module)).toEqual({ word: "first" });
});

test("tasks of one instance that start at once share one compilation", async () => {
  await using folder = await makeFolder(TYPESCRIPT);
  const services = servicesOf(folder);

  const identities = await Promise.all(
    [1, 2, 3, 4].map(async () => identityOf(await services.prepare(taskOf("Echo")))),
  );

  expect(new Set(identities).size).toBe(1);
});

test("TypeScript is compiled again when a file that it imports has changed", async () => {
  await using folder = await makeFolder(TYPESCRIPT);
  const services = servicesOf(folder);
  await services.prepare(taskOf("Echo"));

  await folder.write("services/Echo/word.ts", `export const word: string = "the second";`);
  const module = await services.prepare(taskOf("Echo"));

  expect(await load(module)).toEqual({ word: "the second" });
});

test.each([
  ["what it was made from is torn", (module: string) => truncate(`${module}.inputs.json`, 20)],
  ["what it was made from is gone", (module: string) => rm(`${module}.inputs.json`)],
  ["it is gone", (module: string) => rm(module)],
])("a compiled module is made anew when the record of %s", async (_what, damage) => {
  await using folder = await makeFolder(TYPESCRIPT);
  const services = servicesOf(folder);
  const module = await services.prepare(taskOf("Echo"));

  await damage(module);
  const anew = await services.prepare(taskOf("Echo"));

  expect(anew).toBe(module);
  expect(await load(anew)).toEqual({ word: "first" });
});

test("TypeScript that does not compile is reported with file, line and column of each error", async () => {
  await using folder = await makeFolder({
    "services/Echo/ServiceEcho.ts": `import { word } from "./broken.js";\nimport "./missing.js";\nexport default { word };`,
    "services/Echo/broken.ts": `const ok = 1;\nexport const word = = 2;`,
  });

  const preparing = servicesOf(folder).prepare(taskOf("Echo"));

  await expect(preparing).rejects.toMatchObject({
    code: "ERR_SERVICE_INVALID",
    message: expect.stringContaining(folder.at("services/Echo/ServiceEcho.ts")),
    details: expect.arrayContaining([
      expect.stringMatching(/services\/Echo\/broken\.ts:2:21: .*"="/),
      expect.stringMatching(/services\/Echo\/ServiceEcho\.ts:2:8: .*missing/),
    ]),
  });
});

test("a service that was mended compiles", async () => {
  await using folder = await makeFolder({ "services/Echo/ServiceEcho.ts": "export default = {};" });
  const services = servicesOf(folder);
  await expect(services.prepare(taskOf("Echo"))).rejects.toMatchObject({ code: "ERR_SERVICE_INVALID" });

  await folder.write("services/Echo/ServiceEcho.ts", `export default { mended: true };`);

  expect(await load(await services.prepare(taskOf("Echo")))).toEqual({ mended: true });
});

test("a file behind another link is another file, and so is one in place of a link", async () => {
  const name = "services/Echo/ServiceEcho.ts";
  await using folder = await makeFolder({
    "services/one.ts": "export default { one: 1 };",
    "services/two.ts": "export default { two: 2 };",
    "services/Echo/.keep": "",
  });
  const services = servicesOf(folder);
  const loaded = async () => load(await services.prepare(taskOf("Echo")));
  const leadTo = async (target: string) => {
    await rm(folder.at(name), { force: true });
    await symlink(target, folder.at(name));
  };

  await leadTo("../one.ts");
  expect(await loaded()).toEqual({ one: 1 });
  await leadTo("../two.ts");
  expect(await loaded()).toEqual({ two: 2 });
});

test("compiled code knows the place of its source as its own", async () => {
  await using folder = await makeFolder({
    "services/Echo/ServiceEcho.ts": `import { inner } from "./inner.js";
      export default { url: import.meta.url, dirname: import.meta.dirname, filename: import.meta.filename, inner };`,
    "services/Echo/inner.ts": "export const inner: string = import.meta.url;",
  });
  const source = folder.at("services/Echo/ServiceEcho.ts");

  const seen = await load(await servicesOf(folder).prepare(taskOf("Echo")));

  expect(seen).toEqual({
    url: pathToFileURL(source).href,
    filename: source,
    dirname: folder.at("services/Echo"),
    inner: pathToFileURL(folder.at("services/Echo/inner.ts")).href,
  });
});

test("compiled code finds the packages that are installed beside its source", async () => {
  await using folder = await makeFolder({
    "node_modules/modern/package.json": `{ "name": "modern", "type": "module", "exports": { "./part": "./part.js" } }`,
    "node_modules/modern/part.js": `export const modern = "a module";`,
    "node_modules/@old/one/package.json": `{ "name": "@old/one", "main": "main.js" }`,
    "node_modules/@old/one/main.js": `module.exports = { old: "CommonJS" };`,
    "services/Echo/ServiceEcho.ts": `
      import { modern } from "modern/part";
      import one from "@old/one";
      import { sep } from "path";
      import { EOL } from "node:os";
      export default { modern, old: one.old, sep, EOL };`,
  });

  const seen = await load(await servicesOf(folder).prepare(taskOf("Echo")));

  expect(seen).toEqual({ modern: "a module", old: "CommonJS", sep: "/", EOL: "\n" });
});

test("a package that is not installed is an error where it is imported", async () => {
  await using folder = await makeFolder({
    "services/Echo/ServiceEcho.ts": `import "no-such-package";\nexport default {};`,
  });

  await expect(servicesOf(folder).prepare(taskOf("Echo"))).rejects.toMatchObject({
    code: "ERR_SERVICE_INVALID",
    details: [expect.stringMatching(/ServiceEcho\.ts:1:8: .*no-such-package/)],
  });
});

test("compiled code finds zcontext/tasks though zcontext is not installed beside it", async () => {
  await using folder = await makeFolder({
    "services/Echo/ServiceEcho.ts": `
      import { defineService, defineTask } from "zcontext/tasks";
      const task = defineTask<{ text: string }>({ kind: "single", run() {} });
      export default defineService({ name: "echo", description: "Echoes", task });`,
  });

  const service = await load(await servicesOf(folder).prepare(taskOf("Echo")));

  expect(service).toEqual({ name: "echo", description: "Echoes", task: { kind: "single" } });
});

test("two sources of one name are two modules", async () => {
  await using folder = await makeFolder({
    "one/Echo/ServiceEcho.ts": `export default "one";`,
    "two/Echo/ServiceEcho.ts": `export default "two";`,
  });
  const tasks = [taskOf("Echo", "../one"), taskOf("Echo", "../two")];
  const services = servicesOf(folder, { ownTasks: tasks });

  const modules = await Promise.all(tasks.map((task) => services.prepare(task)));

  expect(await Promise.all(modules.map(load))).toEqual(["one", "two"]);
});

// --- what is there now -----------------------------------------------------------------------------------------------

/** A package in a folder, which exports its value from its entry file. */
function packageIn(
  folder: string,
  { main = "main.js", value }: { main?: string; value: string },
): Record<string, string> {
  return {
    [`${folder}/package.json`]: JSON.stringify({ name: "sensor", main }),
    [`${folder}/${main}`]: `module.exports = ${JSON.stringify(value)};`,
  };
}

interface Exchange {
  before: Record<string, string>;
  /** Links, by their names. */
  links?: Record<string, string>;
  change(folder: Folder): Promise<unknown>;
}

const rewritten = (name: string, text: string) => (folder: Folder) => folder.write(name, text);
const ECHO = "services/Echo/ServiceEcho.ts";
const importing = (specifier: string) => ({ [ECHO]: `import value from "${specifier}";\nexport default value;` });

test.each<[string, Exchange]>([
  [
    "a package whose entry file is another one since its update",
    {
      before: { ...importing("sensor"), ...packageIn("node_modules/sensor", { value: "old", main: "lib/index.js" }) },
      async change(folder) {
        await rm(folder.at("node_modules/sensor"), { recursive: true });
        const updated = packageIn("node_modules/sensor", { value: "new", main: "dist/index.js" });
        for (const [name, text] of Object.entries(updated)) await folder.write(name, text);
      },
    },
  ],
  [
    "a package whose link leads to another version",
    {
      before: {
        ...importing("sensor"),
        ...packageIn("node_modules/.pnpm/sensor@1/node_modules/sensor", { value: "old" }),
        ...packageIn("node_modules/.pnpm/sensor@2/node_modules/sensor", { value: "new" }),
      },
      links: { "node_modules/sensor": ".pnpm/sensor@1/node_modules/sensor" },
      async change(folder) {
        await rm(folder.at("node_modules/sensor"));
        await symlink(".pnpm/sensor@2/node_modules/sensor", folder.at("node_modules/sensor"));
      },
    },
  ],
  [
    "a package that is installed nearer to the service",
    {
      before: { ...importing("sensor"), ...packageIn("node_modules/sensor", { value: "old" }) },
      async change(folder) {
        const nearer = packageIn("services/Echo/node_modules/sensor", { value: "new" });
        for (const [name, text] of Object.entries(nearer)) await folder.write(name, text);
      },
    },
  ],
  [
    "the other file that a package exports",
    {
      before: {
        ...importing("sensor"),
        "node_modules/sensor/package.json": `{ "name": "sensor", "exports": "./a.mjs" }`,
        "node_modules/sensor/a.mjs": `export default "old";`,
        "node_modules/sensor/b.mjs": `export default "new";`,
      },
      change: rewritten("node_modules/sensor/package.json", `{ "name": "sensor", "exports": "./b.mjs" }`),
    },
  ],
  [
    "a file that is found before the folder of its name",
    {
      before: { ...importing("./conf"), "services/Echo/conf/index.ts": `export default "old";` },
      change: rewritten("services/Echo/conf.ts", `export default "new";`),
    },
  ],
  [
    "what a changed path alias leads to",
    {
      before: {
        ...importing("@lib/value"),
        "tsconfig.json": `{ "compilerOptions": { "paths": { "@lib/*": ["./old/*"] } } }`,
        "old/value.ts": `export default "old";`,
        "new/value.ts": `export default "new";`,
      },
      change: rewritten("tsconfig.json", `{ "compilerOptions": { "paths": { "@lib/*": ["./new/*"] } } }`),
    },
  ],
  [
    "what a path alias finds first since that is there",
    {
      before: {
        ...importing("@lib/value"),
        "tsconfig.json": `{ "compilerOptions": { "paths": { "@lib/*": ["./new/*", "./old/*"] } } }`,
        "old/value.ts": `export default "old";`,
      },
      change: rewritten("new/value.ts", `export default "new";`),
    },
  ],
  [
    "what a tsconfig.json says that another one extends",
    {
      before: {
        ...importing("@lib/value"),
        "tsconfig.json": `{ /* ours */ "extends": "./base", }`,
        "base.json": `{ "compilerOptions": { "paths": { "@lib/*": ["./old/*"] } } }`,
        "old/value.ts": `export default "old";`,
        "new/value.ts": `export default "new";`,
      },
      change: rewritten("base.json", `{ "compilerOptions": { "paths": { "@lib/*": ["./new/*"] } } }`),
    },
  ],
  [
    "what a tsconfig.json says that is nearer",
    {
      before: {
        ...importing("@lib/value"),
        "tsconfig.json": `{ "compilerOptions": { "paths": { "@lib/*": ["./old/*"] } } }`,
        "old/value.ts": `export default "old";`,
        "new/value.ts": `export default "new";`,
      },
      change: rewritten("services/tsconfig.json", `{ "compilerOptions": { "paths": { "@lib/*": ["../new/*"] } } }`),
    },
  ],
  [
    "what a link in the path of an import leads to",
    {
      before: {
        ...importing("./release/value.js"),
        "one/value.ts": `export default "old";`,
        "two/value.ts": `export default "new";`,
        "services/Echo/.keep": "",
      },
      links: { "services/Echo/release": "../../one" },
      async change(folder) {
        await rm(folder.at("services/Echo/release"));
        await symlink("../../two", folder.at("services/Echo/release"));
      },
    },
  ],
  [
    "a file of the same size and time as before",
    {
      before: { [ECHO]: `export default "old";` },
      async change(folder) {
        const { atime, mtime } = await stat(folder.at(ECHO));
        await folder.write(ECHO, `export default "new";`);
        await utimes(folder.at(ECHO), atime, mtime);
      },
    },
  ],
  [
    "a file that a pattern in an import matches since it is there",
    {
      before: {
        [ECHO]: `import { existsSync } from "node:fs";
          const name: string = existsSync(new URL("./parts/new.ts", import.meta.url)) ? "new" : "old";
          export default (await import("./parts/" + name + ".ts")).default;`,
        "services/Echo/parts/old.ts": `export default "old";`,
      },
      change: rewritten("services/Echo/parts/new.ts", `export default "new";`),
    },
  ],
])("the code that runs is %s", async (_what, { before, links = {}, change }) => {
  await using folder = await makeFolder(before);
  for (const [name, target] of Object.entries(links)) await symlink(target, folder.at(name));
  const loaded = async () => load(await servicesOf(folder).prepare(taskOf("Echo")));
  expect(await loaded()).toBe("old");

  await change(folder);

  expect(await loaded()).toBe("new");
});

test("a package that was removed is an error where it is imported", async () => {
  await using folder = await makeFolder({
    ...importing("sensor"),
    ...packageIn("node_modules/sensor", { value: "old" }),
  });
  const services = servicesOf(folder);
  await services.prepare(taskOf("Echo"));

  await rm(folder.at("node_modules/sensor"), { recursive: true });

  await expect(services.prepare(taskOf("Echo"))).rejects.toMatchObject({
    details: [expect.stringContaining(`${folder.at(ECHO)}:1:19: `)],
  });
});

test("a compiled module that another provider has replaced is not taken for that of its record", async () => {
  await using folder = await makeFolder(TYPESCRIPT);
  const services = servicesOf(folder);
  const module = await services.prepare(taskOf("Echo"));

  await writeFile(module, `export default { word: "of another provider" };`);

  expect(await load(await services.prepare(taskOf("Echo")))).toEqual({ word: "first" });
});

test.each([
  "st*ar",
  "a?b",
  "br[ack]et",
  "cur{l}y",
  "per%20cent",
  "ha#sh",
  "quo'te\"s",
  "new\nline",
  "back\\slash",
  "ünï-日本",
])("a service compiles below a folder that is called %j", async (name) => {
  await using folder = await makeFolder({
    [`${name}/Echo/ServiceEcho.ts`]: `import value from "sensor";
        import { word } from "./wo#rd*?.js";
        export default { value, word, path: import.meta.filename, stack: new Error().stack };`,
    [`${name}/Echo/wo#rd*?.ts`]: `export const word: string = "first";`,
    ...packageIn(`${name}/node_modules/sensor`, { value: "installed" }),
  });
  const task = taskOf("Echo", `../${name}`);

  const seen = await load(await servicesOf(folder, { ownTasks: [task] }).prepare(task));

  const path = folder.at(name, "Echo/ServiceEcho.ts");
  expect(seen).toEqual({ value: "installed", word: "first", path, stack: expect.stringContaining(`${path}:3:`) });
});

test("CommonJS files of a service find what they require, and their own place", async () => {
  await using folder = await makeFolder({
    [ECHO]: `import helper from "./helper.cjs";\nexport default helper;`,
    "services/Echo/helper.cjs": `
      const { basename } = require("path");
      module.exports = { sensor: require("sensor"), name: basename(__filename), folder: basename(__dirname) };`,
    ...packageIn("node_modules/sensor", { value: "installed" }),
  });

  const seen = await load(await servicesOf(folder).prepare(taskOf("Echo")));

  expect(seen).toEqual({ sensor: "installed", name: "helper.cjs", folder: "Echo" });
});

// --- code that can't be run ------------------------------------------------------------------------------------------

test.each<[string, string, Record<string, string>, (folder: Folder) => Promise<unknown>]>([
  [
    "TypeScript that did not compile",
    "a file that it imports is mended",
    { [ECHO]: `import "./part.js";`, "services/Echo/part.ts": "const = 1;" },
    rewritten("services/Echo/part.ts", "const one = 1;"),
  ],
  [
    "TypeScript that did not compile",
    "the package that it imports is installed",
    importing("sensor"),
    rewritten("node_modules/sensor/index.js", ""),
  ],
  [
    "TypeScript that did not compile",
    "the file that it imports is there",
    importing("./part.js"),
    rewritten("services/Echo/part.ts", "export default 1;"),
  ],
  [
    "JavaScript",
    "a file that it imports is mended",
    { "services/Echo/ServiceEcho.mjs": `import "./part.mjs";`, "services/Echo/part.mjs": "const = 1;" },
    rewritten("services/Echo/part.mjs", "const one = 1;"),
  ],
  ["a service that was not there", "it is put there", {}, rewritten("services/Echo/ServiceEcho.mjs", MODULE)],
])("%s has changed once %s, and not before", async (_code, _change, files, change) => {
  await using folder = await makeFolder({ "services/.keep": "", ...files });
  const services = servicesOf(folder);
  // What was written in the millisecond in which it is prepared counts as changed.
  const writtenMs = Date.now();
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(writtenMs), { interval: 1 });
  await services.prepare(taskOf("Echo")).catch(() => {});
  const order: string[] = [];

  const changed = services.codeChanged(taskOf("Echo"), new AbortController().signal).then(() => order.push("changed"));
  await services.codeChanged(taskOf("Other"), AbortSignal.timeout(1_500)).catch(() => order.push("looked at"));
  await change(folder);
  await changed;

  expect(order).toEqual(["looked at", "changed"]);
});
