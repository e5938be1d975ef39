import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, parseContextConfig } from "../../../src/config/context-config.ts";
import type { ListedService } from "../../../src/config/service-list/service-list.ts";
import { isUntouched } from "../../../src/generator/header.ts";
import { type Plan, targetsOf } from "../../../src/generator/plan.ts";
import { detailsOf } from "../config/context-xml.ts";
import { CONTEXT_FILE, type Disk, diskAfter, listOf, planOn, SITE, service, textAt } from "./site.ts";

const ECHO = "/project/services/Echo";

/** Each file with what becomes of it, and why. */
function fatesIn({ files }: Plan): { [path: string]: string } {
  return Object.fromEntries(files.map(({ path, fate, note }) => [path, note === "" ? fate : `${fate}: ${note}`]));
}

const list = listOf([service("Echo")]);
const generated = diskAfter(planOn({}, list));

/** What has been generated, with a changed file. */
function generatedBut(path: string, change: (text: string) => string): Disk {
  const text = generated[path];
  if (text === undefined) throw new Error(`nothing was generated at ${path}`);
  return { ...generated, [path]: change(text) };
}

describe("a plan for an empty project", () => {
  test("creates the four files of each service, and the context last", () => {
    const plan = planOn({}, listOf([service("Echo"), service("Listen", { language: "python" })]));

    expect(fatesIn(plan)).toEqual({
      "/project/services/Echo/ServiceEcho.ts": "created",
      "/project/services/Echo/Echo.ts": "created",
      "/project/services/Echo/index.ts": "created",
      "/project/services/Echo/Echo.test.ts": "created",
      "/project/services/Listen/ServiceListen.py": "created",
      "/project/services/Listen/Listen.py": "created",
      "/project/services/Listen/__init__.py": "created",
      "/project/services/Listen/test_Listen.py": "created",
      "/project/conf/Context-Kitchen.xml": "created",
    });
    expect(plan.files.at(-1)?.path).toBe(CONTEXT_FILE);
    expect(plan.warnings).toEqual([]);
    expect(plan.files.map(({ before }) => before)).not.toContainEqual(expect.anything());
  });

  test("marks its files by a hash: generated ones have one, yours have none", () => {
    const { files } = planOn({}, listOf([service("Echo"), service("Listen", { language: "python" })]));

    const ours = files.filter(({ after }) => isUntouched(after)).map(({ path }) => path);

    expect(ours).toEqual([
      `${ECHO}/ServiceEcho.ts`,
      `${ECHO}/index.ts`,
      "/project/services/Listen/ServiceListen.py",
      "/project/services/Listen/__init__.py",
    ]);
  });

  test("has a single task run once, and a looped one again and again", () => {
    const plan = planOn({}, listOf([service("Once", { kind: "single" }), service("Often")]));

    expect(textAt(plan, "/project/services/Once/Once.ts")).toContain('kind: "single"');
    expect(textAt(plan, "/project/services/Often/Often.ts")).toContain('kind: "looped"');
  });

  test("uses the class name where the code has one", () => {
    const both = [
      service("Echo", { className: "Shouting" }),
      service("Listen", { className: "Hearing", language: "python" }),
    ];

    const plan = planOn({}, listOf(both));

    expect(textAt(plan, `${ECHO}/index.ts`)).toContain("default as Shouting");
    expect(textAt(plan, "/project/services/Listen/Listen.py")).toContain("class Hearing:");
    expect(textAt(plan, "/project/services/Listen/ServiceListen.py")).toContain("import Hearing as Task");
  });

  test("writes a context that says what the description says", () => {
    const triggers: ListedService["triggers"] = {
      on_fail: { action: "restart", call: ["ts001"] },
      on_exit: { action: "stop", call: ["ts002", "all", "kitchen"] },
    };
    const echo = service("Echo", { id: "ts001", topic: "shouting", entry: "on_exit", triggers });
    const listen = service("Listen", { id: "ts002", language: "python" });

    const { files, context } = planOn({}, listOf([echo, listen], { contextId: "kitchen" }));

    expect(context).toEqual(parseContextConfig(files.at(-1)?.after ?? ""));
    expect(context).toEqual({
      contextId: "kitchen",
      logName: "Kitchen",
      endpoints: list.endpoints,
      binds: list.binds,
      strategy: "one_for_one",
      messaging: { durability: "file" },
      logs: { fileMib: 10, files: 5, totalMib: 1_024 },
      supervision: DEFAULT_SUPERVISION,
      tasks: [
        {
          id: "ts001",
          instance: "Echo",
          topic: "shouting",
          serviceType: "Process",
          serviceName: "echo",
          description: "What Echo does",
          entry: "on_exit",
          configuration: { device_action: "cooking" },
          triggers,
          supervision: DEFAULT_SUPERVISION,
        },
        {
          id: "ts002",
          instance: "Listen",
          topic: "process",
          serviceType: "Executable",
          command: {
            program: "python3",
            words: ["../services/Listen/ServiceListen.py"],
            readyAfterMs: 30_000,
          },
          serviceName: "listen",
          description: "What Listen does",
          entry: "on_start",
          configuration: { device_action: "cooking" },
          triggers: {},
          supervision: DEFAULT_SUPERVISION,
        },
      ],
    });
  });

  test("touches the files it names beforehand, and no others", () => {
    const services = [service("Echo"), service("Listen", { language: "python", location: "code" })];

    expect(targetsOf(listOf(services), SITE)).toEqual(planOn({}, listOf(services)).files.map(({ path }) => path));
  });

  test("warns of a host that no provider serves", () => {
    const endpoints = { publish: "tcp://192.168.0.7:5557", subscribe: "tcp://192.168.0.7:5556" };
    const binds = { publish: "tcp://*:5557", subscribe: "tcp://*:5556" };

    expect(planOn({}, listOf([service("Echo")], { endpoints, binds })).warnings).toEqual([
      "a provider serves its own machine only and will refuse tcp://192.168.0.7:5557; use 127.0.0.1 as server_ip",
    ]);
  });
});

describe("a plan for what it has made before", () => {
  test("changes nothing, and keeps what is yours", () => {
    expect(fatesIn(planOn(generated, list))).toEqual({
      [`${ECHO}/ServiceEcho.ts`]: "unchanged",
      [`${ECHO}/Echo.ts`]: "kept: yours",
      [`${ECHO}/index.ts`]: "unchanged",
      [`${ECHO}/Echo.test.ts`]: "kept: yours",
      [CONTEXT_FILE]: "unchanged: id_of_Echo already defined, left alone",
    });
  });

  test("changes nothing where a checkout has changed the line ends", () => {
    const disk = Object.fromEntries(
      Object.entries(generated).map(([path, text]) => [path, text.replaceAll("\n", "\r\n")]),
    );

    const { files } = planOn(disk, list);

    expect(new Set(files.map(({ fate }) => fate))).toEqual(new Set(["unchanged", "kept"]));
    expect(files.at(-1)?.after).toBe(disk[CONTEXT_FILE]);
  });

  test("replaces generated code that is still as it was, when the description says otherwise", () => {
    const fates = fatesIn(planOn(generated, listOf([service("Echo", { description: "Another", className: "Other" })])));

    expect(fates).toMatchObject({ [`${ECHO}/ServiceEcho.ts`]: "replaced", [`${ECHO}/index.ts`]: "replaced" });
  });

  test("replaces generated code of another line end", () => {
    const disk = generatedBut(`${ECHO}/ServiceEcho.ts`, (text) => text.replaceAll("\n", "\r\n"));

    const fates = fatesIn(planOn(disk, listOf([service("Echo", { description: "Another" })])));

    expect(fates[`${ECHO}/ServiceEcho.ts`]).toBe("replaced");
  });

  test("keeps generated code that was changed, and says how to replace it", () => {
    const disk = generatedBut(`${ECHO}/ServiceEcho.ts`, (text) => text.replace("task,", "task, "));

    const plan = planOn(disk, list);

    expect(fatesIn(plan)).toMatchObject({
      [`${ECHO}/ServiceEcho.ts`]: "kept: it was changed; --force replaces it",
      [`${ECHO}/index.ts`]: "unchanged",
    });
    expect(diskAfter(plan, disk)).toEqual(disk);
  });

  test("replaces it with force, and says that changes are lost", () => {
    const disk = generatedBut(`${ECHO}/index.ts`, () => "mine, without a header");

    const plan = planOn(disk, list, { force: true });

    expect(fatesIn(plan)[`${ECHO}/index.ts`]).toBe("replaced: your changes are overwritten");
    expect(diskAfter(plan, disk)).toEqual(generated);
  });

  test("never replaces what is yours, whatever is in it and whatever is asked for", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom(...Object.values(generated))),
        fc.boolean(),
        fc.constantFrom<["typescript" | "python", string]>(
          ["typescript", "Echo.ts"],
          ["typescript", "Echo.test.ts"],
          ["python", "Echo.py"],
          ["python", "test_Echo.py"],
        ),
        (text, force, [language, file]) => {
          const disk = { [`${ECHO}/${file}`]: text };

          const plan = planOn(disk, listOf([service("Echo", { language })]), { force });

          expect(fatesIn(plan)[`${ECHO}/${file}`]).toBe("kept: yours");
          expect(diskAfter(plan, disk)[`${ECHO}/${file}`]).toBe(text);
        },
      ),
    );
  });

  test("replaces ours only where the header holds, unless it is forced", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, force) => {
        fc.pre(!isUntouched(text));
        const disk = { [`${ECHO}/ServiceEcho.ts`]: text };

        const plan = planOn(disk, list, { force });

        expect(diskAfter(plan, disk)[`${ECHO}/ServiceEcho.ts`] === text).toBe(!force);
      }),
    );
  });
});

describe("an existing context", () => {
  test("is updated with the tasks it lacks, and keeps the rest to the byte", () => {
    const plan = planOn(generated, listOf([service("Echo"), service("Listen"), service("Wait")]));

    const before = generated[CONTEXT_FILE] ?? "";
    const after = textAt(plan, CONTEXT_FILE);
    const end = before.lastIndexOf("</Context>");
    expect(fatesIn(plan)[CONTEXT_FILE]).toBe(
      "updated: id_of_Listen, id_of_Wait added; id_of_Echo already defined, left alone",
    );
    expect(after.startsWith(before.slice(0, end))).toBe(true);
    expect(after.endsWith(before.slice(end))).toBe(true);
    expect(plan.context.tasks.map(({ instance }) => instance)).toEqual(["Echo", "Listen", "Wait"]);
  });

  test("keeps comments, order, quotes and line ends as they were written", () => {
    const disk = generatedBut(CONTEXT_FILE, (text) =>
      text
        .replace('<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0'?><!-- mine -->")
        .replaceAll('"', "'")
        .replace(/( *<FrontBind>.*\n)( *<BackendBind>.*\n)/, "$2$1")
        .replaceAll("\n", "\r\n"),
    );
    const before = disk[CONTEXT_FILE] ?? "";

    const after = textAt(planOn(disk, listOf([service("Listen")])), CONTEXT_FILE);

    const end = before.lastIndexOf("</Context>");
    expect(after.slice(0, end)).toBe(before.slice(0, end));
    expect(after.slice(after.lastIndexOf("</Context>"))).toBe(before.slice(end));
    expect(after.replaceAll("\r\n", "")).not.toContain("\n");
  });

  test("leaves a task alone whose id it has, and one whose code it has", () => {
    const byId = service("Other", { id: "id_of_Echo", description: "x" });
    const byInstance = service("Echo", { id: "other", description: "x" });

    for (const one of [byId, byInstance]) {
      const plan = planOn(generated, listOf([one]));

      expect(textAt(plan, CONTEXT_FILE)).toBe(generated[CONTEXT_FILE]);
      expect(fatesIn(plan)[CONTEXT_FILE]).toBe(`unchanged: ${one.id} already defined, left alone`);
    }
  });

  test("that has only the id or only the code of a task is said to have another one", () => {
    const [byId, byInstance] = [service("Other", { id: "id_of_Echo" }), service("Echo", { id: "other" })];

    expect(planOn(generated, listOf([byId])).warnings).toEqual([
      `${CONTEXT_FILE} has id_of_Echo with the instance Echo, so Other was not added to it; give another --task_id, ts001 say`,
    ]);
    expect(planOn(generated, listOf([byInstance])).warnings).toEqual([
      `${CONTEXT_FILE} has Echo as id_of_Echo, so other was not added to it`,
    ]);
  });

  test("gets no code that nothing would run", () => {
    const byId = service("Other", { id: "id_of_Echo" });

    expect(Object.keys(fatesIn(planOn(generated, listOf([byId]))))).toEqual([CONTEXT_FILE]);
  });

  test("keeps what it says about a task, and warns of each value that was given otherwise", () => {
    const { triggers, ...other } = service("Echo", { description: "New words", entry: "on_exit" });
    const plan = planOn(generated, listOf([{ ...other, triggers: { on_exit: { action: "exit", call: ["all"] } } }]));

    const keeps = `${CONTEXT_FILE} keeps`;
    expect(plan.warnings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/ as task_desc of id_of_Echo; "New words" was given$/),
        `${keeps} on_start as entry_action of id_of_Echo; on_exit was given`,
        expect.stringMatching(/ as on_exit of id_of_Echo; "exit all" was given$/),
      ]),
    );
    expect(triggers).toBeDefined();
    expect(fatesIn(plan)[CONTEXT_FILE]).toMatch(/^unchanged/);
  });

  test("with the code of a task elsewhere gets none in another place", () => {
    const plan = planOn(generated, listOf([service("Echo", { location: "lib" })]));

    expect(Object.keys(fatesIn(plan))).toEqual([CONTEXT_FILE]);
    expect(plan.warnings[0]).toMatch(
      /has the code of id_of_Echo in .*services\/Echo, so none was written to .*lib\/Echo$/,
    );
  });

  test.each([
    ["python", "Process", "Python"],
    ["python", "Thread", "Python"],
    ["typescript", "Executable", "TypeScript"],
  ] as const)("that runs a task in no %s, but as a %s, says so", (language, serviceType, name) => {
    const command = serviceType === "Executable" ? "<command>python3 x.py</command>" : "";
    const disk = generatedBut(CONTEXT_FILE, (text) =>
      text.replace('serviceType="Process">', `serviceType="${serviceType}">${command}`),
    );

    const plan = planOn(disk, listOf([service("Echo", { language })]));

    expect(fatesIn(plan)[CONTEXT_FILE]).toBe("unchanged: id_of_Echo already defined, left alone");
    expect(plan.warnings).toEqual([
      `${CONTEXT_FILE} has id_of_Echo with the serviceType ${serviceType}, which runs no ${name}; remove the task from the file to have it added again`,
    ]);
  });

  test("that runs TypeScript as a thread, or Python as a program, is as it should be", () => {
    const threads = generatedBut(CONTEXT_FILE, (text) => text.replace('"Process"', '"Thread"'));
    const python = listOf([service("Echo", { language: "python" })]);

    expect(planOn(threads, list).warnings).toEqual([]);
    expect(planOn(diskAfter(planOn({}, python)), python).warnings).toEqual([]);
  });

  test("keeps a host that is served, and does not warn of another one that was given", () => {
    const endpoints = { publish: "tcp://192.168.0.7:5557", subscribe: "tcp://192.168.0.7:5556" };
    const binds = { publish: "tcp://*:5557", subscribe: "tcp://*:5556" };

    expect(planOn(generated, listOf([service("Listen")], { endpoints, binds })).warnings).toEqual([
      expect.stringContaining("keeps tcp://127.0.0.1:5557 as the endpoint of senders; tcp://192.168.0.7:5557"),
      expect.stringContaining("keeps tcp://127.0.0.1:5556 as the endpoint of listeners; tcp://192.168.0.7:5556"),
    ]);
  });

  test("keeps its own endpoints, id and name, and warns of others that were given", () => {
    const endpoints = { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:2" };
    const disk = generatedBut(CONTEXT_FILE, (text) => text.replace(">Kitchen<", ">Log<"));

    const plan = planOn(disk, listOf([service("Listen")], { contextId: "other", endpoints, binds: endpoints }));

    expect(plan.warnings).toEqual([
      `${CONTEXT_FILE} keeps context001 as context_id; other was given`,
      `${CONTEXT_FILE} keeps Log as context_name; Kitchen was given`,
      `${CONTEXT_FILE} keeps tcp://127.0.0.1:5557 as the endpoint of senders; tcp://127.0.0.1:1 was given`,
      `${CONTEXT_FILE} keeps tcp://127.0.0.1:5556 as the endpoint of listeners; tcp://127.0.0.1:2 was given`,
    ]);
    expect(plan.context).toMatchObject({ contextId: "context001", logName: "Log", endpoints: list.endpoints });
  });

  test("without tasks yet gets its first", () => {
    const disk = generatedBut(CONTEXT_FILE, (text) => text.replace(/ *<TaskService[\s\S]*<\/TaskService>\n/, ""));

    const plan = planOn(disk, list);

    expect(fatesIn(plan)[CONTEXT_FILE]).toBe("updated: id_of_Echo added");
    expect(textAt(plan, CONTEXT_FILE)).toBe(generated[CONTEXT_FILE]);
  });

  test("with problems of its own is refused with all of them", () => {
    const disk = generatedBut(CONTEXT_FILE, (text) => text.replace(":5557</Front", ":x</Front").replace("5556", "y"));

    expect(detailsOf(() => planOn(disk, listOf([service("Listen")])))).toEqual([
      expect.stringMatching(/^\/project\/conf\/Context-Kitchen\.xml:4:3: FrontEndEndpoint: /),
      expect.stringMatching(/^\/project\/conf\/Context-Kitchen\.xml:6:3: FrontBind: /),
    ]);
  });

  test.each(["<Context>", "", "<MetaServiceConf/>"])("that reads %j is refused", (text) => {
    expect(detailsOf(() => planOn({ [CONTEXT_FILE]: text }, list))).toEqual([expect.stringContaining(CONTEXT_FILE)]);
  });
});

test("a second run of any list changes nothing", () => {
  const services = fc.uniqueArray(fc.constantFrom("Echo", "Listen", "Wait", "Cook"), { minLength: 1 }).chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .record({
            language: fc.constantFrom("typescript" as const, "python" as const),
            kind: fc.constantFrom("single" as const, "looped" as const),
            location: fc.constantFrom(undefined, "code", "conf", "/project/own"),
            description: fc.constantFrom("", "a & b", "'\"<>"),
          })
          .map((but) => service(name, but)),
      ),
    ),
  );

  fc.assert(
    fc.property(services, (listed) => {
      const disk = diskAfter(planOn({}, listOf(listed)));

      const plan = planOn(disk, listOf(listed));

      expect(diskAfter(plan, disk)).toEqual(disk);
      expect(plan.files.every(({ fate }) => fate === "unchanged" || fate === "kept")).toBe(true);
    }),
  );
});
