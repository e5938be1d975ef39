import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hidesPythonModule, meaningOf } from "../../../../src/config/service-list/reserved-words.ts";
import {
  type ExistingContext,
  type ListedService,
  parseServiceList,
  problemWith,
  readServiceOptions,
  type ServiceListOptions,
  type ServiceOptions,
} from "../../../../src/config/service-list/service-list.ts";
import type { TextRule } from "../../../../src/config/xml/reader.ts";
import { ZcontextError } from "../../../../src/errors.ts";
import { detailsOf } from "../context-xml.ts";
import { existingWith, GOOD_LIST, GOOD_OPTIONS, goodListBut, listIn } from "./service-xml.ts";

function fixture(name: string): string {
  return readFileSync(new URL(`../../../fixtures/service-lists/${name}`, import.meta.url), "utf8");
}

function problemsOf(text: string, options: ServiceListOptions = {}, existing: readonly string[] = []): unknown {
  return detailsOf(() => listIn(text, { file: "s.xml", ...options }, existing));
}

function errorOf(run: () => unknown): ZcontextError {
  try {
    run();
  } catch (error) {
    if (error instanceof ZcontextError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function servicesIn(text: string, options?: ServiceListOptions): Partial<ListedService>[] {
  return listIn(text, options).services;
}

const NAME = "a name such as EchoAction: a letter, then at most 62 letters, digits or _";
const PORT = "a port, 1 to 65535, or * for one that the system chooses";

const NO_HANDLERS = { listens: [], serves: [], actions: [], consumes: [], protocol: "HTTPHandler", isCustom: false };

describe("a list of services", () => {
  test("of the later era is read into the model", () => {
    const { services, ...settings } = listIn(
      fixture("later-era.xml").replace("</service_path>", "/code</service_path>"),
    );

    expect(settings).toEqual({
      contextName: "StateMachine",
      contextId: "context001",
      servicePath: "/opt/zmicroservices/code",
      homePath: "/opt/zmicroservices",
      endpoints: { publish: "tcp://127.0.0.1:22221", subscribe: "tcp://127.0.0.1:22220" },
      binds: { publish: "tcp://127.0.0.1:22221", subscribe: "tcp://127.0.0.1:22220" },
      isQuiet: true,
    });
    expect(services.map(({ id, name, kind, entry }) => [id, name, kind, entry])).toEqual([
      ["ts100", "CollectOrders", "single", "on_start"],
      ["ts101", "MixDough", "single", "on_update"],
      ["ts102", "BakeBread", "looped", "on_update"],
      ["ts103", "PackBoxes", "single", "on_update"],
      ["ts104", "OvenWatch", "looped", "on_update"],
    ]);
    expect(services[2]).toEqual({
      name: "BakeBread",
      className: "BakeBread",
      language: "typescript",
      kind: "looped",
      ...NO_HANDLERS,
      id: "ts102",
      topic: "process",
      serviceName: "bake_bread",
      description: "Bakes trays until it is told to stop",
      deviceAction: "tray_baked",
      entry: "on_update",
      triggers: {
        on_start: { action: "start", call: ["ts104"] },
        on_update: { action: "start", call: ["ts103"] },
        on_fail: { action: "restart", call: ["ts102"] },
        on_exit: { action: "stop", call: ["ts104"] },
      },
      location: undefined,
    });
  });

  test("of the README era has the defaults for what it does not say", () => {
    const { services, ...settings } = listIn(fixture("readme-era.xml"));

    expect(settings).toEqual({
      contextName: "EchoAction",
      contextId: "context001",
      servicePath: "/opt/zmicroservices",
      homePath: "/opt/zmicroservices",
      endpoints: { publish: "tcp://localhost:5557", subscribe: "tcp://localhost:5556" },
      binds: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
      isQuiet: false,
    });
    expect(services).toEqual([
      {
        name: "EchoAction",
        className: "EchoShouting",
        language: "typescript",
        kind: "single",
        ...NO_HANDLERS,
        id: "ts_100",
        topic: "shouting",
        serviceName: "echo_action",
        description: "Shouts & waits <10 s>",
        deviceAction: "echo_action",
        entry: "on_start",
        triggers: {
          on_exit: { action: "stop", call: ["all"] },
          on_fail: { action: "restart", call: ["ts_100", "ts_101"] },
          on_start: { action: "exit", call: ["context001"] },
        },
        location: "Own",
      },
      {
        name: "Listen",
        className: "Listen",
        language: "python",
        kind: "looped",
        ...NO_HANDLERS,
        id: "ts_101",
        topic: "process",
        serviceName: "listen",
        description: "",
        deviceAction: "",
        entry: "on_exit",
        triggers: {},
        location: "/opt/zmicroservices/Code",
      },
    ]);
  });

  test.each([
    ["no type", "<Service>", "looped"],
    ["the attribute Looped", "<Service task_type='Looped'>", "looped"],
    ["the attribute Single", "<Service task_type='Single'>", "single"],
    ["the element Looped", "<Service><task_type>Looped</task_type>", "looped"],
    ["the element Single", "<Service><task_type> Single </task_type>", "single"],
    ["an empty element", "<Service><task_type/>", "looped"],
    ["an empty attribute", "<Service task_type=''>", "looped"],
    ["an attribute beside an element", "<Service task_type='Single'><task_type>Looped</task_type>", "single"],
  ])("takes a service with %s for what it is", (_, tag, kind) => {
    expect(servicesIn(goodListBut(["<Service>", tag]))[0]?.kind).toBe(kind);
  });

  test("lets a service have a class and a file name of their own, and ignores the latter", () => {
    const text = goodListBut(["<Service>", "<Service><task_class>Shout</task_class><task_file>../x</task_file>"]);

    expect(servicesIn(text)[0]).toMatchObject({ name: "Echo", className: "Shout" });
  });

  test("lets a service have a location of its own, in place of the one for all", () => {
    const text = goodListBut(
      ["<Service>", "<location>all</location><Service><location>own</location>"],
      ["<task_service>Listen", "<location/><task_service>Listen"],
    );

    expect(servicesIn(text).map(({ location }) => location)).toEqual(["own", "all"]);
    expect(servicesIn(GOOD_LIST).map(({ location }) => location)).toEqual([undefined, undefined]);
  });

  test("lets a service have a language of its own, in place of the one that is asked for", () => {
    const text = goodListBut(["<Service>", "<Service language='typescript'>"]);

    expect(servicesIn(text, { language: "python" }).map(({ language }) => language)).toEqual(["typescript", "python"]);
  });

  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["127.1.2.3", "127.1.2.3"],
    ["localhost", "127.0.0.1"],
    ["[::1]", "[::1]"],
    ["192.168.0.7", "*"],
    ["kitchen.example", "*"],
  ])("with the host %s has it bound at %s", (host, bound) => {
    const { endpoints, binds } = listIn(goodListBut(["127.0.0.1", host]));

    expect(endpoints.publish).toBe(`tcp://${host}:5557`);
    expect(binds.publish).toBe(`tcp://${bound}:5557`);
    expect(binds.subscribe).toBe(`tcp://${bound}:5556`);
  });

  test("may leave both ports to the system", () => {
    const { endpoints } = listIn(goodListBut([">5556<", ">*<"], [">5557<", ">*<"]));

    expect(endpoints).toEqual({ publish: "tcp://127.0.0.1:*", subscribe: "tcp://127.0.0.1:*" });
  });

  test.each([
    ["<log_on>0</log_on>", true],
    ["<log_on> 1 </log_on>", false],
    ["<log_on/>", false],
  ])("with %s is quiet: %s", (element, isQuiet) => {
    expect(listIn(goodListBut(["<Service>", `${element}<Service>`])).isQuiet).toBe(isQuiet);
  });

  test("may call tasks which the context has already", () => {
    const text = goodListBut([">ts002</state_id>", ">old1, ts002 old2</state_id>"]);

    const [echo] = listIn(text, {}, ["old1", "old2"]).services;

    expect(echo?.triggers.on_exit).toEqual({ action: "start", call: ["old1", "ts002", "old2"] });
  });

  test("may have a byte order mark, Windows line ends, comments and instructions", () => {
    const text = `\uFEFF<?xml version="1.0"?><!-- don't --><?note don't ?>${GOOD_LIST.replaceAll("\n", "\r\n")}`;

    expect(listIn(text)).toEqual(listIn(GOOD_LIST));
  });
});

describe("the folders of a list", () => {
  const home = goodListBut(["<Service>", "<home_path>/home</home_path><Service>"]);

  test.each<[title: string, text: string, options: ServiceListOptions, servicePath: string, homePath: string]>([
    ["are one where it names one", GOOD_LIST, {}, "/project", "/project"],
    ["are two where it names two", home, {}, "/project", "/home"],
    ["are both replaced by a service path that is given", home, { servicePath: "mine" }, "mine", "mine"],
    ["may have the home alone replaced", home, { homePath: "mine" }, "/project", "mine"],
    ["may both be given", home, { servicePath: "code", homePath: "conf" }, "code", "conf"],
  ])("%s", (_, text, options, servicePath, homePath) => {
    expect(listIn(text, options)).toMatchObject({ servicePath, homePath });
    expect(parseServiceList(text, options).whereabouts()).toMatchObject({ contextName: "Test", servicePath, homePath });
  });

  test("need not be in the list where they are given", () => {
    const text = goodListBut(["<service_path>/project</service_path>", ""]);

    expect(listIn(text, { servicePath: "mine" }).servicePath).toBe("mine");
    expect(problemsOf(text)).toEqual(["s.xml:1:1: service_path: expected a folder, got nothing"]);
  });

  test.each<[title: string, location: string, moved: string]>([
    ["below it moves with it", "/project/Services", "Services"],
    ["deep below it too", "/project/./a/../b//c", "b/c"],
    ["that is the project itself too", "/project/", "."],
    ["beside it stays", "/projects/Services", "/projects/Services"],
    ["above it stays", "/", "/"],
    ["that is relative stays", "Services", "Services"],
  ])("that are replaced: an own location %s", (_, location, moved) => {
    const forAll = goodListBut(["<Service>", `<location>${location}</location><Service>`]);
    const forOne = goodListBut(["<Service>", `<Service><location>${location}</location>`]);
    const locations = (text: string, options: ServiceListOptions) =>
      servicesIn(text, options).map((service) => service.location);

    expect(locations(forAll, { servicePath: "mine" })).toEqual([moved, moved]);
    expect(locations(forOne, { servicePath: "mine" })).toEqual([moved, undefined]);
    expect(locations(forOne, { homePath: "mine" })).toEqual([location, undefined]);
    expect(locations(forOne, {})).toEqual([location, undefined]);
  });

  test("that are replaced leave locations alone where they are relative themselves", () => {
    const text = goodListBut(["/project<", "project<"], ["<Service>", "<location>/project/a</location><Service>"]);

    expect(servicesIn(text, { servicePath: "mine" })[0]?.location).toBe("/project/a");
  });

  test("are known although the services have problems", () => {
    const draft = parseServiceList(goodListBut(["<task_service>Echo<", "<task_service>../Echo<"]));

    expect(draft.whereabouts()).toMatchObject({ contextName: "Test", servicePath: "/project" });
    expect(() => draft.against()).toThrow("services.xml has 1 problem; nothing was written");
  });

  test.each([
    ["the context's name", "<context_name>Test<", "<context_name>a b<"],
    ["the folder", "<service_path>/project<", "<service_path><"],
  ])("are not, where %s is a problem: all problems come at once", (_, piece, replacement) => {
    const text = goodListBut([piece, replacement], [">ts002</state_id>", ">ts009</state_id>"]);

    const details = detailsOf(() => parseServiceList(text).whereabouts());

    expect(details).toHaveLength(2);
    expect(details).toContainEqual(expect.stringContaining('"ts009" is not a TaskService id'));
  });
});

// --- what is wrong with a list ---------------------------------------------------------------------------------------

const keyword = (word: string) => `expected another name, "${word}" is a word of the language`;

describe("a problem says where it is, what was expected and what came:", () => {
  const cases: [title: string, piece: string, replacement: string, ...problems: string[]][] = [
    [
      "a name with a hyphen",
      ">Echo<",
      ">Echo-1<",
      `s.xml:8:5: Service Echo-1, task_service: expected ${NAME}, got "Echo-1"`,
    ],
    [
      "a name that leads out",
      ">Echo<",
      ">../Echo<",
      `s.xml:8:5: Service ../Echo, task_service: expected ${NAME}, got "../Echo"`,
    ],
    ["a name that is ..", ">Echo<", ">..<", `s.xml:8:5: Service .., task_service: expected ${NAME}, got ".."`],
    [
      "an absolute name",
      ">Echo<",
      ">/etc/Echo<",
      `s.xml:8:5: Service /etc/Echo, task_service: expected ${NAME}, got "/etc/Echo"`,
    ],
    [
      "a name of Windows' folders",
      ">Echo<",
      ">C:\\Echo<",
      `s.xml:8:5: Service C:\\Echo, task_service: expected ${NAME}, got "C:\\\\Echo"`,
    ],
    [
      "a name with a letter of elsewhere",
      ">Echo<",
      ">Écho<",
      `s.xml:8:5: Service Écho, task_service: expected ${NAME}, got "Écho"`,
    ],
    ["no name", ">Echo<", "><", `s.xml:8:5: Service ts001, task_service: expected ${NAME}, got ""`],
    ["a word of TypeScript", ">Echo<", ">class<", `s.xml:8:5: Service class, task_service: ${keyword("class")}`],
    ["a word of Python", ">Echo<", ">lambda<", `s.xml:8:5: Service lambda, task_service: ${keyword("lambda")}`],
    [
      "a file of ours",
      ">Echo<",
      ">Index<",
      `s.xml:8:5: Service Index, task_service: expected another name, "Index" is a file name with a meaning of its own`,
    ],
    [
      "a device of Windows",
      ">Echo<",
      ">COM1<",
      `s.xml:8:5: Service COM1, task_service: expected another name, "COM1" is a file name with a meaning of its own`,
    ],
    [
      "a service of ours",
      ">Echo<",
      ">Monitor<",
      `s.xml:8:5: Service Monitor, task_service: expected another name, "Monitor" is the service that comes with zcontext`,
    ],
    [
      "a module of Python",
      "<Service>\n    <task_service>Echo<",
      "<Service language='python'>\n    <task_service>queue<",
      `s.xml:8:5: Service queue, task_service: expected another name, "queue" is a module that Python itself needs`,
    ],
    [
      "a class that is no name",
      "<task_desc>Shouts",
      "<task_class>a.b</task_class><task_desc>Shouts",
      `s.xml:9:5: Service Echo, task_class: expected ${NAME}, got "a.b"`,
    ],
    [
      "a class that is a word",
      "<task_desc>Shouts",
      "<task_class>enum</task_class><task_desc>Shouts",
      `s.xml:9:5: Service Echo, task_class: ${keyword("enum")}`,
    ],
    [
      "a context name that leads out",
      ">Test<",
      ">../Test<",
      `s.xml:2:3: context_name: expected ${NAME}, got "../Test"`,
    ],
    ["a context name that is a word", ">Test<", ">new<", `s.xml:2:3: context_name: ${keyword("new")}`],
    [
      "a type that is none",
      "<Service>",
      "<Service task_type='Simple'>",
      `s.xml:7:12: Service Echo, task_type: expected one of Looped, Single, got "Simple"; did you mean "Single"?`,
    ],
    [
      "a language that is none",
      "<Service>",
      "<Service language='java'>",
      `s.xml:7:12: Service Echo, language: expected one of typescript, python, got "java"`,
    ],
    [
      "an entry nearly right",
      "<entry_action>on_start<",
      "<entry_action>on_strat<",
      `s.xml:13:5: Service Echo, entry_action: expected on_start, start_now, or another word for a task on demand, got "on_strat"; did you mean "on_start"?`,
    ],
    [
      "a topic of ours",
      "<entry_action>on_start<",
      "<task_topic>control</task_topic><entry_action>on_start<",
      `s.xml:13:5: Service Echo, task_topic: expected a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics, got "control"`,
    ],
    [
      "a service without a name in messages",
      ">echo<",
      "><",
      `s.xml:10:5: Service Echo, service_name: expected a text, got ""`,
    ],
    [
      "a missing description",
      "    <task_desc>Shouts</task_desc>\n",
      "",
      "s.xml:7:3: Service Echo, task_desc: expected text without characters that XML can't hold, got nothing",
    ],
    ["no port", ">5556<", "><", `s.xml:4:3: sub_port: expected ${PORT}, got ""`],
    ["port 0", ">5556<", ">0<", `s.xml:4:3: sub_port: expected ${PORT}, got "0"`],
    ["a port too high", ">5557<", ">65536<", `s.xml:5:3: pub_port: expected ${PORT}, got "65536"`],
    ["a port with a sign", ">5557<", ">+5557<", `s.xml:5:3: pub_port: expected ${PORT}, got "+5557"`],
    ["a port of digits of elsewhere", ">5557<", ">５５５７<", `s.xml:5:3: pub_port: expected ${PORT}, got "５５５７"`],
    ["twice the same port", ">5557<", ">5556<", `s.xml:5:3: pub_port: expected a port other than sub_port, got "5556"`],
    [
      "a host with a port",
      ">127.0.0.1<",
      ">127.0.0.1:1<",
      `s.xml:3:3: server_ip: expected a host such as 127.0.0.1, got "127.0.0.1:1"`,
    ],
    ["a host that is all", ">127.0.0.1<", ">*<", `s.xml:3:3: server_ip: expected a host such as 127.0.0.1, got "*"`],
    [
      "a log that is neither on nor off",
      "<Service>",
      "<log_on>yes</log_on><Service>",
      `s.xml:7:3: log_on: expected 0 or 1, got "yes"`,
    ],
    [
      "three states",
      "    <state><trigger>on_fail</trigger><action/><state_id/></state>\n",
      "",
      "s.xml:7:3: Service Echo, state: expected four, one each for on_start, on_update, on_fail, on_exit, got 3",
    ],
    [
      "five states",
      "  </Service>",
      "    <state><trigger>on_exit</trigger><action/><state_id/></state>\n  </Service>",
      "s.xml:18:5: Service Echo, state: expected four, one each for on_start, on_update, on_fail, on_exit, got 5",
      "s.xml:18:5: Service Echo, state trigger: expected on_exit once, got it again",
    ],
    [
      "a trigger that comes twice",
      "<trigger>on_update<",
      "<trigger>on_start<",
      "s.xml:15:5: Service Echo, state trigger: expected on_start once, got it again",
    ],
    [
      "a trigger nearly right",
      "<trigger>on_fail<",
      "<trigger>on_fial<",
      `s.xml:16:12: Service Echo, state trigger: expected one of on_start, on_update, on_fail, on_exit, got "on_fial"; did you mean "on_fail"?`,
    ],
    [
      "a state without a trigger",
      "<trigger>on_fail</trigger>",
      "",
      "s.xml:16:5: Service Echo, state trigger: expected one of on_start, on_update, on_fail, on_exit, got nothing",
    ],
    [
      "an action without a call",
      "<state_id>ts002</state_id>",
      "<state_id/>",
      `s.xml:17:60: Service Echo, on_exit state_id: expected task ids, the context id or all, got ""`,
    ],
    [
      "an action whose call was left out",
      "<state_id>ts002</state_id>",
      "",
      `s.xml:17:5: Service Echo, on_exit state_id: expected task ids, the context id or all, got ""`,
    ],
    [
      "a call without an action",
      "<action>start</action>",
      "<action/>",
      `s.xml:17:38: Service Echo, on_exit action: expected one of start, stop, restart, exit, got ""`,
    ],
    [
      "an action that is none",
      "<action>start</action>",
      "<action>begin</action>",
      `s.xml:17:38: Service Echo, on_exit action: expected one of start, stop, restart, exit, got "begin"`,
    ],
    [
      "a call to an unknown id",
      ">ts002</state_id>",
      ">ts009</state_id>",
      `s.xml:17:60: Service Echo, on_exit state_id: "ts009" is not a TaskService id; have ts001, ts002`,
    ],
    [
      "an id that is taken",
      "<task_id>ts002<",
      "<task_id>ts001<",
      `s.xml:17:60: Service Echo, on_exit state_id: "ts002" is not a TaskService id; have ts001; did you mean "ts001"?`,
      `s.xml:23:5: Service Listen, task_id: expected an id of its own, got "ts001" again`,
    ],
    [
      "an id that is the context's",
      "<task_id>ts001<",
      "<task_id>context001<",
      `s.xml:11:5: Service Echo, task_id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "context001"`,
    ],
    [
      "a name that is taken",
      ">Listen<",
      ">Echo<",
      `s.xml:20:5: Service Echo, task_service: expected a name of its own, got "Echo" again`,
    ],
    [
      "a name that differs in case only",
      ">Listen<",
      ">ECHO<",
      `s.xml:20:5: Service ECHO, task_service: expected a name of its own, got "ECHO" again`,
    ],
    [
      "an unknown element",
      "<sub_port>",
      "<subport/><sub_port>",
      "s.xml:4:3: MetaServiceConf: unknown element <subport>; did you mean <sub_port>?",
    ],
    [
      "an element that comes twice",
      "<sub_port>",
      "<sub_port>1</sub_port><sub_port>",
      "s.xml:4:25: MetaServiceConf: expected one <sub_port>, got another",
    ],
    [
      "text between the elements",
      "<Service>",
      "<Service>Echo",
      `s.xml:7:3: Service: expected elements, got the text "Echo"`,
    ],
    [
      "an element in a text",
      "<task_desc>Shouts",
      "<task_desc>Sh<b/>outs",
      "s.xml:9:18: task_desc: expected text, got the element <b>",
    ],
  ];

  test.each(cases)("%s", (_, piece, replacement, ...problems) => {
    expect(problemsOf(goodListBut([piece, replacement]))).toEqual(problems);
  });

  test("no service at all", () => {
    const text = GOOD_LIST.replace(/ {2}<Service>[\s\S]*<\/Service>\n/, "");

    expect(problemsOf(text)).toEqual(["s.xml:1:1: Service: expected at least one, got none"]);
  });

  test("all problems of a list, in its order", () => {
    const text = goodListBut(
      [">Test<", ">..<"],
      [">5556<", ">x<"],
      [">Echo<", ">class<"],
      [">ts002</state_id>", ">nobody</state_id>"],
      [">ts002</task_id>", ">ts001</task_id>"],
    );

    const error = errorOf(() => listIn(text, { file: "s.xml" }));

    expect(error).toMatchObject({ code: "ERR_CONFIG_INVALID", message: "s.xml has 5 problems; nothing was written" });
    expect(error.details.map((line) => line.slice(0, line.indexOf(": ")))).toEqual([
      "s.xml:2:3",
      "s.xml:4:3",
      "s.xml:8:5",
      "s.xml:17:60",
      "s.xml:23:5",
    ]);
  });
});

describe("what is no list is refused at once:", () => {
  test.each([
    ["another root", "<Context/>", "s.xml:1:1: expected the root <MetaServiceConf>, got <Context>"],
    ["nothing", "", "s.xml:1:1: not well-formed: document must contain a root element"],
    [
      "the doubled closing tag of the original's README",
      goodListBut(["</task_desc>", "</task_desc></task_desc>"]),
      "s.xml:9:34: not well-formed: expected </Service>, got </task_desc>",
    ],
    [
      "an ampersand by itself",
      goodListBut(["Shouts", "a & b;"]),
      "s.xml:9:18: not well-formed: expected &amp; for a plain &",
    ],
    ["NUL", goodListBut([">Echo<", ">Ec\0ho<"]), "s.xml:8:21: not well-formed: disallowed character"],
    [
      "NUL as a reference",
      goodListBut([">Echo<", ">Ec&#0;ho<"]),
      "s.xml:8:24: not well-formed: malformed character entity",
    ],
    ["a document type", `<!DOCTYPE x [<!ENTITY e "">]>${GOOD_LIST}`, "s.xml:1:1: DOCTYPE is not accepted; remove it"],
  ])("%s", (_, text, problem) => {
    const error = errorOf(() => parseServiceList(text, { file: "s.xml" }));

    expect(error.code).toBe("ERR_CONFIG_INVALID");
    expect(error.details).toEqual([problem]);
  });
});

// --- options ---------------------------------------------------------------------------------------------------------

function optionProblems(options: ServiceOptions): unknown {
  return detailsOf(() => readServiceOptions({ ...GOOD_OPTIONS, ...options }).against());
}

describe("options", () => {
  test("that are required describe one service, with the defaults of the original", () => {
    expect(readServiceOptions(GOOD_OPTIONS).against()).toEqual({
      contextName: "Greeter",
      contextId: "context001",
      servicePath: ".",
      homePath: ".",
      endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
      binds: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
      isQuiet: false,
      services: [
        {
          name: "Greeter",
          className: "Greeter",
          language: "typescript",
          kind: "looped",
          ...NO_HANDLERS,
          id: "ts001",
          topic: "process",
          serviceName: "greeter",
          description: "Greets",
          deviceAction: "greeting",
          entry: "on_start",
          triggers: {},
          location: undefined,
        },
      ],
    });
  });

  test("say all that a list can say", () => {
    const more = {
      context_id: "kitchen",
      home_path: "/home",
      task_class: "Shout",
      task_type: "Single",
      task_topic: "greeting",
      entry_action: "on_demand",
      location: "code",
      on_start: undefined,
      on_update: "",
      on_fail: " restart  ts001 ",
      on_exit: "stop ts001, ts007 kitchen",
    };

    const list = readServiceOptions({ ...GOOD_OPTIONS, ...more }, "python").against({
      ...existingWith("ts007"),
      contextId: "kitchen",
    });

    expect(list).toMatchObject({ contextId: "kitchen", servicePath: ".", homePath: "/home" });
    expect(list.services).toEqual([
      {
        name: "Greeter",
        className: "Shout",
        language: "python",
        kind: "single",
        ...NO_HANDLERS,
        id: "ts001",
        topic: "greeting",
        serviceName: "greeter",
        description: "Greets",
        deviceAction: "greeting",
        entry: "on_demand",
        triggers: {
          on_fail: { action: "restart", call: ["ts001"] },
          on_exit: { action: "stop", call: ["ts001", "ts007", "kitchen"] },
        },
        location: "code",
      },
    ]);
  });

  test("have their problems told by option, in the order given, as wrong usage", () => {
    const wrong = { task_service: "..", server_ip: "a b", sub_port: "x", on_exit: "strat ts009" };

    const error = errorOf(() => readServiceOptions({ ...GOOD_OPTIONS, ...wrong }).against());

    expect(error).toMatchObject({ code: "ERR_USAGE", message: "the options have 5 problems; nothing was written" });
    expect(error.details).toEqual([
      `--task_service: expected ${NAME}, got ".."`,
      '--server_ip: expected a host such as 127.0.0.1, got "a b"',
      `--sub_port: expected ${PORT}, got "x"`,
      '--on_exit action: expected one of start, stop, restart, exit, got "strat"',
      '--on_exit: "ts009" is not a TaskService id; have ts001; did you mean "ts001"?',
    ]);
  });

  test.each(["on_start", "on_update", "on_fail", "on_exit"])("have no XML parts in their problems: %s", (event) => {
    expect(optionProblems({ [event]: "start" })).toEqual([
      `--${event}: expected task ids, the context id or all, got ""`,
    ]);
    expect(optionProblems({ [event]: "strat all" })).toEqual([
      expect.stringMatching(`^--${event} action: expected one`),
    ]);
    expect(optionProblems({ [event]: "stop ts009 ts008" })).toEqual([
      expect.stringMatching(`^--${event}: "ts009" is not a TaskService id; have ts001`),
      expect.stringMatching(`^--${event}: "ts008" is not a TaskService id; have ts001`),
    ]);
  });

  test("say what they were given, even where it looks like a part", () => {
    expect(optionProblems({ task_id: "on_exit state_id: x" })).toEqual([
      expect.stringMatching(/^--task_id: .* got "on_exit state_id: x"$/),
    ]);
  });

  test("are text that XML can hold", () => {
    const expected = "expected text without characters that XML can't hold";
    for (const stranger of ["\0", "\u001b", "\ufffe", "\ud83d"]) {
      expect(optionProblems({ task_desc: `a${stranger}b` })).toEqual([
        expect.stringContaining(`--task_desc: ${expected}`),
      ]);
      expect(optionProblems({ service_path: `a${stranger}b` })).toEqual([
        expect.stringContaining("--service_path: expected a folder, got"),
      ]);
      expect(optionProblems({ location: `a${stranger}b` })).toHaveLength(1);
      expect(optionProblems({ context_id: `a${stranger}b` })).toHaveLength(1);
      expect(optionProblems({ task_id: `a${stranger}b` })).toHaveLength(1);
      expect(optionProblems({ entry_action: `a${stranger}b` })).toHaveLength(1);
      expect(optionProblems({ service_name: `a${stranger}b` })).toHaveLength(1);
    }
  });

  test.each([
    ["task_service", "a b", `expected ${NAME}, got "a b"`],
    ["task_service", "class", keyword("class")],
    ["context_name", "", `expected ${NAME}, got ""`],
    [
      "task_id",
      "a b",
      'expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "a b"',
    ],
    ["sub_port", "0", `expected ${PORT}, got "0"`],
    ["server_ip", "tcp://x", 'expected a host such as 127.0.0.1, got "tcp://x"'],
    ["service_path", " ", 'expected a folder, got ""'],
    ["service_name", "", 'expected a text, got ""'],
    ["on_fail", "restart", 'expected task ids, the context id or all, got ""'],
  ])("are judged one by one: %s %j", (name, text, problem) => {
    expect(problemWith(name, { [name]: text })).toBe(`--${name}: ${problem}`);
    expect(problemWith(name, { ...GOOD_OPTIONS, [name]: text })).toBe(`--${name}: ${problem}`);
  });

  test.each(Object.entries(GOOD_OPTIONS))("are fine one by one: %s %j", (name, text) => {
    expect(problemWith(name, { [name]: text })).toBeUndefined();
    expect(problemWith(name, GOOD_OPTIONS)).toBeUndefined();
  });

  test("are judged beside each other: two ports must differ, in whatever order they come", () => {
    const problem = '--pub_port: expected a port other than sub_port, got "5557"';
    const [sub, pub] = [{ sub_port: "5557" }, { pub_port: "5557" }];

    expect(problemWith("pub_port", { ...sub, ...pub })).toBe(problem);
    expect(problemWith("pub_port", { ...pub, ...sub })).toBe(problem);
    expect(problemWith("sub_port", { ...pub, ...sub })).toBeUndefined();
  });

  test("are judged by the language: a name may hide a module of Python", () => {
    const options = { task_service: "queue" };

    expect(problemWith("task_service", options, "typescript")).toBeUndefined();
    expect(problemWith("task_service", options)).toBeUndefined();
    expect(problemWith("task_service", options, "python")).toBe(
      '--task_service: expected another name, "queue" is a module that Python itself needs',
    );
  });

  test("are judged without the context: a called task may be there", () => {
    expect(problemWith("on_exit", { task_id: "ts001", on_exit: "start ts009" })).toBeUndefined();
    expect(problemWith("on_exit", { task_id: "ts001", on_exit: "strat ts009" })).toBe(
      '--on_exit action: expected one of start, stop, restart, exit, got "strat"',
    );
  });

  test("are not judged by those that are missing or wrong", () => {
    const options = { task_service: "../x", task_id: undefined, on_exit: "start ts002" };

    expect(problemWith("on_exit", options)).toBeUndefined();
    expect(problemWith("task_id", { on_exit: "start" })).toContain("--task_id: expected");
  });
});

// --- any name --------------------------------------------------------------------------------------------------------

const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
const patterned = fc
  .tuple(
    fc.constantFrom(...letters),
    fc.string({ unit: fc.constantFrom(...letters, ..."0123456789_"), maxLength: 62, size: "max" }),
  )
  .map((parts) => parts.join(""));
const strange = fc.oneof(
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.string({
    unit: fc.constantFrom("a", "B", "_", "1", ".", "/", "\\", " ", "-", "$", "\0", "é", "\n"),
    maxLength: 8,
  }),
  fc.tuple(patterned, fc.constantFrom("é", ".", "/..", "\n", " x", "\0", "-")).map((parts) => parts.join("")),
  patterned.map((name) => name.padEnd(64, "x")),
);
const RESERVED = [
  "class",
  "await",
  "None",
  "index",
  "INDEX",
  "nul",
  "Com9",
  "Monitor",
  "constructor",
  "eval",
  "static",
];

describe("a name", () => {
  test("of the pattern is accepted unless it is reserved", () => {
    fc.assert(
      fc.property(patterned, (name) => {
        fc.pre(meaningOf(name) === undefined);

        const options = { ...GOOD_OPTIONS, task_service: name, task_class: name, context_name: name };

        expect(readServiceOptions(options).against()).toMatchObject({
          contextName: name,
          services: [{ name, className: name }],
        });
      }),
      { numRuns: 500 },
    );
  });

  test("of another kind is refused wherever it stands", () => {
    fc.assert(
      fc.property(strange, fc.constantFrom("task_service", "task_class", "context_name"), (name, option) => {
        fc.pre(!/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(name.trim()) && name.trim() !== "");

        expect(optionProblems({ [option]: name })).toEqual([expect.stringContaining(`--${option}: expected ${NAME}`)]);
      }),
      { numRuns: 500 },
    );
  });

  test.each(RESERVED)("%s is refused for a service, a class and a context", (name) => {
    for (const option of ["task_service", "task_class", "context_name"])
      expect(optionProblems({ [option]: name })).toEqual([
        expect.stringContaining(`--${option}: expected another name`),
      ]);
  });

  test.each(["toString", "hasOwnProperty", "Index1", "classes", "queue", "monitor", "x".repeat(63)])(
    "%s is free",
    (name) => {
      expect(optionProblems({ task_service: name })).toMatchObject({ services: [{ name }] });
    },
  );
});

test.each(["queue", "annotationlib", "compression"])("%s is a module of some version of Python", (name) => {
  expect(hidesPythonModule(name)).toBe(true);
});

describe("beside a context that is there", () => {
  const kitchen: ExistingContext = { ...existingWith("ts007"), contextId: "kitchen" };

  test("its id is the one that counts, where the list names none", () => {
    const draft = () => readServiceOptions({ ...GOOD_OPTIONS, on_exit: "stop kitchen ts007" });

    expect(draft().against(kitchen).contextId).toBe("kitchen");
    expect(detailsOf(() => draft().against())).toEqual([
      expect.stringMatching(/^--on_exit: "kitchen" is not/),
      expect.stringMatching(/^--on_exit: "ts007" is not/),
    ]);
  });

  test("one without an id has none", () => {
    expect(readServiceOptions(GOOD_OPTIONS).against({ ...kitchen, contextId: "" }).contextId).toBe("");
  });

  test("an id of the list stays the list's, and triggers call the file's", () => {
    const options = { ...GOOD_OPTIONS, context_id: "other", on_exit: "stop kitchen" };

    expect(readServiceOptions(options).against(kitchen).contextId).toBe("other");
  });

  test("no task can be called like it", () => {
    expect(detailsOf(() => readServiceOptions({ ...GOOD_OPTIONS, task_id: "kitchen" }).against(kitchen))).toEqual([
      expect.stringMatching(/^--task_id: expected .* nor the context id, got "kitchen"$/),
    ]);
  });

  test("a service whose code it has can't be called by another id", () => {
    const there = {
      ...kitchen,
      tasks: [{ id: "ts007", instance: GOOD_OPTIONS.task_service, serviceType: "Process", location: "" }],
    };
    const options = { ...GOOD_OPTIONS, on_exit: `start ${GOOD_OPTIONS.task_id}` };

    expect(detailsOf(() => readServiceOptions(options).against(there))).toEqual([
      expect.stringMatching(/^--on_exit: "ts001" is not a TaskService id; have ts007/),
    ]);
  });

  test("no service can have a name that differs from one of its own in case only", () => {
    const there = (...instances: string[]): ExistingContext => ({
      ...kitchen,
      tasks: instances.map((instance, index) => ({
        id: `ts1${index}`,
        instance,
        serviceType: "Process",
        location: "",
      })),
    });
    const greeter = () => readServiceOptions(GOOD_OPTIONS);

    expect(detailsOf(() => greeter().against(there("Other", "GREETER")))).toEqual([
      '--task_service: expected a name of its own, got "Greeter" where the context has GREETER',
    ]);
    expect(greeter().against(there("Greeter")).services).toHaveLength(1);
    expect(greeter().against(there("GREETER", "Greeter")).services).toHaveLength(1);
    expect(detailsOf(() => readServiceOptions({ ...GOOD_OPTIONS, task_service: "" }).against(there("")))).toHaveLength(
      1,
    );
  });
});

describe("held against a project", () => {
  const within: TextRule = { expected: "a folder of it", accepts: (location) => !location.startsWith("..") };

  test("every location outside is a problem where it is written, beside all others", () => {
    const text = goodListBut(
      ["<Service>", "<location>../all</location>\n  <Service>\n    <location>../one</location>"],
      [">ts002</state_id>", ">nobody</state_id>"],
      ["<task_service>Listen", "<location>in</location><task_service>Listen"],
    );

    expect(detailsOf(() => parseServiceList(text, { file: "s.xml" }).against(undefined, within))).toEqual([
      's.xml:7:3: location: expected a folder of it, got "../all"',
      's.xml:9:5: Service Echo, location: expected a folder of it, got "../one"',
      expect.stringMatching(/^s\.xml:19:60: Service Echo, on_exit state_id: "nobody"/),
    ]);
  });

  test("locations within are fine, and so is none", () => {
    const draft = (location: string) => readServiceOptions({ ...GOOD_OPTIONS, location });

    expect(draft("code").against(undefined, within).services[0]?.location).toBe("code");
    expect(draft("").against(undefined, within).services[0]?.location).toBeUndefined();
    expect(detailsOf(() => draft("../code").against(undefined, within))).toEqual([
      '--location: expected a folder of it, got "../code"',
    ]);
  });
});

describe("handlers", () => {
  const given = {
    ...{ task_service: "Billing", task_desc: "", service_name: "billing", device_action: "", service_path: "." },
    ...{ context_name: "Shop", task_id: "ts_1", server_ip: "127.0.0.1", sub_port: "*", pub_port: "*" },
  };
  const billing = (options: { [name: string]: string }) =>
    readServiceOptions({ ...given, ...options }).against().services[0];

  test("are comma lists of names, each once, and need no run", () => {
    const listens = "orders.created , orders.paid,,orders.created";
    const options = { listens, serves: "get_invoice", actions: "SendEmail,Process" };

    expect(billing(options)).toMatchObject({
      kind: undefined,
      listens: ["orders.created", "orders.paid"],
      serves: ["get_invoice"],
      actions: ["SendEmail", "Process"],
    });
    expect(billing({ serves: "get", task_type: "Single" })?.kind).toBe("single");
  });

  test("are those of a custom service, which has Process in any case", () => {
    expect(billing({ base: "custom" })).toMatchObject({ isCustom: true, kind: undefined, actions: [] });
    expect(billing({ base: "custom", actions: "Process,Reset", task_type: "Looped" })).toMatchObject({
      ...{ isCustom: true, kind: "looped", actions: ["Reset"] },
    });
    expect(problemWith("base", { ...given, base: "customs" })).toMatch(/expected one of custom, got "customs"/);
  });

  test("are queues as well, over HTTP unless a protocol is named", () => {
    const queues = { kind: undefined, consumes: ["queue_1", "queue.two"] };

    expect(billing({ consumes: "queue_1,queue.two" })).toMatchObject({ ...queues, protocol: "HTTPHandler" });
    expect(billing({ consumes: "queue_1,queue.two", protocol: "KafkaHandler" })?.protocol).toBe("KafkaHandler");
    expect(problemWith("protocol", { ...given, consumes: "q", protocol: "Fax" })).toMatch(/HTTPHandler.*got "Fax"$/);
    expect(problemWith("protocol", { ...given, protocol: "KafkaHandler" })).toMatch(/expected consumes beside it/);
    const python = { ...given, consumes: "q", language: "python" };
    expect(problemWith("protocol", { ...python, protocol: "KafkaHandler" })).toMatch(
      /RMQIOHandler.*got "KafkaHandler"$/,
    );
  });

  test.each([
    ["listens", "orders", 'got "orders"'],
    ["listens", "orders.", 'got "orders."'],
    ["listens", "orders.created now", 'got "orders.created now"'],
    ["consumes", "two words", 'got "two words"'],
    ["consumes", ".hidden", 'got ".hidden"'],
    ["serves", "get-invoice", 'got "get-invoice"'],
    ["serves", "delete", 'got "delete"'],
    ["actions", "SendEmail,Start", 'got "Start"'],
    ["actions", "_private", 'got "_private"'],
    ["actions", "__proto__", 'got "__proto__"'],
  ])("in --%s %s are refused by name", (option, names, got) => {
    expect(problemWith(option, { ...given, [option]: names })).toMatch(
      new RegExp(`^--${option}: expected .*, ${got}$`),
    );
  });

  test.each(["two words", "a.b", "a@b"])("need a service that others can reach, which %j is not", (name) => {
    const problem = problemWith("service_name", { ...given, service_name: name, serves: "get" });

    expect(problem).toMatch(/^--service_name: expected one word without a dot/);
    expect(problemWith("service_name", { ...given, service_name: name })).toBeUndefined();
  });

  test("stand in a list of services as elements", () => {
    const xml = goodListBut(["<Service>", "<Service><listens>orders.created</listens><actions>SendEmail</actions>"]);

    expect(servicesIn(xml)[0]).toMatchObject({ listens: ["orders.created"], serves: [], actions: ["SendEmail"] });
  });
});
