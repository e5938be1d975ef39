import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION, parseContextConfig } from "../../../src/config/context-config.ts";
import { TOLD_TOPICS } from "../../../src/protocol/codec.ts";
import { detailsOf, GOOD, goodBut, withConfiguration } from "./context-xml.ts";

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/contexts/${name}`, import.meta.url), "utf8");
}

function configurationFrom(inside: string): unknown {
  return parseContextConfig(withConfiguration(inside)).tasks[0]?.configuration;
}

function problemsOf(text: string): unknown {
  return detailsOf(() => parseContextConfig(text, { file: "c.xml" }));
}

describe("a context file", () => {
  test("with one task is read into the model, its two ends named for what a peer does there", () => {
    const config = parseContextConfig(fixture("one-task.xml"));

    expect(config).toEqual({
      contextId: "context001",
      logName: "OneTask",
      endpoints: { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" },
      binds: { publish: "tcp://*:5557", subscribe: "tcp://*:5556" },
      messaging: { durability: "file" },
      logs: { fileMib: 10, files: 5, totalMib: 1_024 },
      strategy: "one_for_one",
      supervision: DEFAULT_SUPERVISION,
      tasks: [
        {
          id: "ts_100",
          instance: "EchoAction",
          topic: "process",
          serviceType: "Process",
          serviceName: "echo_action",
          description: "Shouts the time",
          entry: "on_start",
          configuration: { device_action: "shout", interval_s: "10" },
          triggers: { on_fail: { action: "restart", call: ["ts_100"] } },
          supervision: DEFAULT_SUPERVISION,
        },
      ],
    });
  });

  test("may call one task, several, the context and all", () => {
    const [, collect] = parseContextConfig(fixture("pipeline.xml")).tasks;

    expect(collect?.triggers).toEqual({
      on_start: { action: "start", call: ["ts002", "ts003"] },
      on_update: { action: "restart", call: ["ts002"] },
      on_fail: { action: "exit", call: ["context001"] },
      on_exit: { action: "stop", call: ["all"] },
    });
  });

  test("of the README era has no context id, and may hold elements in place of attributes", () => {
    const { contextId, endpoints, tasks } = parseContextConfig(fixture("readme-era.xml"));

    expect(contextId).toBe("");
    expect(endpoints).toEqual({ publish: "tcp://localhost:*", subscribe: "tcp://[::1]:*" });
    expect(tasks[0]).toMatchObject({ id: "ts001", topic: "process", instance: "EchoAction", entry: "on_start" });
  });

  test("may separate the ids of a call by commas, white space or both, and names each once", () => {
    const text = goodBut("<call>ts002</call>", "<call> ts002,ts001\n\tts002 , context001 </call>");

    const [task] = parseContextConfig(text).tasks;

    expect(task?.triggers.on_exit?.call).toEqual(["ts002", "ts001", "context001"]);
  });

  test("lets an attribute win over an element of the same name", () => {
    const text = goodBut(`serviceType="Process">`, `serviceType="Process"><serviceType>Thread</serviceType>`);

    expect(parseContextConfig(text).tasks[0]?.serviceType).toBe("Process");
  });

  test("may name any entry that is not nearly one of the known words: the task is then on demand", () => {
    for (const entry of ["on_stop", "on_demand", "whenever", "später"]) {
      const text = goodBut(`type="on_start"`, `type="${entry}"`);

      expect(parseContextConfig(text).tasks[0]?.entry).toBe(entry);
    }
  });

  test("may have a byte order mark, Windows line ends, comments, instructions and a schema for the editor", () => {
    const schema = `<Context xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="c.xsd">`;
    const text = `<?xml version="1.0"?><!-- don't --><?note don't ?>${GOOD.replace("<Context>", schema)}<!-- end -->`;

    expect(parseContextConfig(`\uFEFF${text.replaceAll("\n", "\r\n")}`)).toEqual(parseContextConfig(GOOD));
  });
});

describe("a configuration", () => {
  test("is texts, objects, and lists of what comes more than once", () => {
    const inside = "<a> 1 </a><b><c/><d>x</d></b><e>1</e><e><f>2</f></e>";

    expect(configurationFrom(inside)).toEqual({ a: "1", b: { c: "", d: "x" }, e: ["1", { f: "2" }] });
  });

  test("has attributes for elements, and they win", () => {
    expect(configurationFrom(`<cam side="left" port=" 1 "><port>2</port></cam>`)).toEqual({
      cam: { side: "left", port: " 1 " },
    });
    expect(configurationFrom(`<cam side="left"/>`)).toEqual({ cam: { side: "left" } });
  });

  test("has hosts as a list, even one of one", () => {
    expect(configurationFrom("<hosts>a</hosts>")).toEqual({ hosts: ["a"] });
    expect(configurationFrom("<hosts>a</hosts><hosts>b</hosts>")).toEqual({ hosts: ["a", "b"] });
  });

  test("may use the names of an object's methods", () => {
    expect(configurationFrom("<toString>1</toString><hasOwnProperty>2</hasOwnProperty>")).toEqual(
      Object.fromEntries([
        ["toString", "1"],
        ["hasOwnProperty", "2"],
      ]),
    );
  });
});

describe("a problem says where it is, what was expected and what came", () => {
  const cases: [title: string, piece: string, replacement: string, ...problems: string[]][] = [
    [
      "an endpoint that is none",
      "<BackendEndpoint>tcp://127.0.0.1:5557",
      "<BackendEndpoint>tcp:/127.0.0.1",
      `c.xml:3:3: BackendEndpoint: expected tcp://host:port, got "tcp:/127.0.0.1"`,
    ],
    [
      "an endpoint without a host",
      "<FrontEndEndpoint>tcp://127.0.0.1",
      "<FrontEndEndpoint>tcp://*",
      `c.xml:2:3: FrontEndEndpoint: expected tcp://host:port, got "tcp://*:5556"`,
    ],
    [
      "a port that is none",
      "tcp://*:5557",
      "tcp://*:65536",
      `c.xml:4:3: FrontBind: expected tcp://host:port or tcp://*:port, got "tcp://*:65536"`,
    ],
    [
      "an endpoint with another port than its bind",
      "tcp://127.0.0.1:5556",
      "tcp://127.0.0.1:5566",
      `c.xml:2:3: FrontEndEndpoint: expected port 5556 as in BackendBind, got "tcp://127.0.0.1:5566"`,
    ],
    [
      "an endpoint whose bind has the port chosen",
      "tcp://*:5556",
      "tcp://*:*",
      `c.xml:2:3: FrontEndEndpoint: expected port * as in BackendBind, got "tcp://127.0.0.1:5556"`,
    ],
    [
      "a missing element",
      "  <TaskLogName>Test</TaskLogName>\n",
      "",
      "c.xml:1:1: TaskLogName: expected a text, got nothing",
    ],
    ["an empty element", "<TaskLogName>Test<", "<TaskLogName> <", `c.xml:7:3: TaskLogName: expected a text, got ""`],
    [
      "credentials in a file that others may read",
      "<ContextID>",
      '<Messaging url="nats://shop:secret@bus" claim_store="redis://:secret@cache"/><ContextID>',
      "c.xml:6:14: Messaging, url: expected no credentials in this file, got some; set ZCONTEXT_BUS_USER and ZCONTEXT_BUS_PASS, or ZCONTEXT_BUS_CREDENTIALS_FILE",
      "c.xml:6:43: Messaging, claim_store: expected no credentials in this file, got some; set ZCONTEXT_BUS_CLAIM_STORE to the whole URL",
    ],
    [
      "an engine that there is not",
      "<ContextID>",
      '<Messaging url="kafka://shop:secret@mq"/><ContextID>',
      "c.xml:6:14: Messaging, url: no engine has the URL kafka://mq. Known are ipc://, tcp://, nats://, tls+nats://, amqp://, amqps://.",
    ],
    [
      "a broker that is not the context's own",
      "<ContextID>",
      '<Messaging url="ipc:///run/broker"/><ContextID>',
      "c.xml:6:14: Messaging, url: expected a server, nats:// or tls+nats:// or amqp:// or amqps://; without url the context has a broker of its own",
    ],
    [
      "what a server does not have",
      "<ContextID>",
      '<Messaging url="nats://bus" durability="sync" dialect="twyla"/><ContextID>',
      "c.xml:6:31: Messaging, durability: expected memory or file with a server: its own configuration says whether it flushes",
      "c.xml:6:49: Messaging, dialect: twyla is a dialect of rabbitmq, not of nats",
    ],
    [
      "an element that comes twice",
      "<ContextID>",
      "<ContextID/><ContextID>",
      "c.xml:6:15: Context: expected one <ContextID>, got another",
    ],
    [
      "elements where a text belongs",
      "context001<",
      "<a/>context001<",
      "c.xml:6:14: ContextID: expected text, got the element <a>",
    ],
    [
      "text where elements belong",
      "<Task>",
      "<Task>Shouts",
      `c.xml:9:5: TaskService ts001, Task: expected elements, got the text "Shouts"`,
    ],
    [
      "an element nearly right",
      "<description>Shouts</description>",
      "<desription>Shouts</desription>",
      "c.xml:10:7: TaskService ts001, Task: unknown element <desription>; did you mean <description>?",
    ],
    [
      "an unknown element",
      "<ContextID>",
      "<Author>me</Author><ContextID>",
      "c.xml:6:3: Context: unknown element <Author>; known here: <FrontEndEndpoint>, <BackendEndpoint>, <FrontBind>, <BackendBind>, <ContextID>, <TaskLogName>, <MonitorEndpoint>, <Messaging>, <Logs>, <Supervision>, <TaskService>",
    ],
    [
      "an attribute nearly right",
      `topic="process" instance="EchoAction"`,
      `Topic="process" instance="EchoAction"`,
      "c.xml:8:3: TaskService ts001, topic: expected a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics, got nothing",
      `c.xml:8:27: TaskService ts001: unknown attribute "Topic"; did you mean "topic"?`,
    ],
    [
      "an unknown attribute",
      `<state type="on_start">`,
      `<state type="on_start" since="1999">`,
      `c.xml:17:30: TaskService ts001, state: unknown attribute "since"; known here: type`,
    ],
    [
      "an attribute that is an element",
      "<on_exit>",
      `<on_exit action="start">`,
      `c.xml:18:18: TaskService ts001, on_exit: unknown attribute "action"; write it as an element, <action>`,
    ],
    [
      "an attribute of a text",
      "<ContextID>",
      `<ContextID lang="en">`,
      `c.xml:6:14: ContextID: unknown attribute "lang"; there are none here`,
    ],
    [
      "a missing attribute",
      `instance="EchoAction" `,
      "",
      "c.xml:8:3: TaskService ts001, instance: expected a name such as EchoAction: a letter, then at most 62 letters, digits or _, got nothing",
    ],
    [
      "an id with a space",
      `id="ts002"`,
      `id="ts 002"`,
      `c.xml:18:40: TaskService ts001, on_exit call: "ts002" is not a TaskService id; have ts001, ts 002`,
      `c.xml:22:16: TaskService ts 002, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "ts 002"`,
    ],
    [
      "an id that is all",
      `id="ts002"`,
      `id="all"`,
      `c.xml:18:40: TaskService ts001, on_exit call: "ts002" is not a TaskService id; have ts001, all; did you mean "ts001"?`,
      `c.xml:22:16: TaskService all, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "all"`,
    ],
    [
      "the context's id for a task",
      `id="ts002"`,
      `id="context001"`,
      `c.xml:18:40: TaskService ts001, on_exit call: "ts002" is not a TaskService id; have ts001, context001; did you mean "ts001"?`,
      `c.xml:22:16: TaskService context001, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "context001"`,
    ],
    [
      "an id of 129 characters",
      `id="ts002"`,
      `id="${"x".repeat(129)}"`,
      `c.xml:18:40: TaskService ts001, on_exit call: "ts002" is not a TaskService id; have ts001, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…; did you mean "ts001"?`,
      `c.xml:22:16: TaskService xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"`,
    ],
    [
      "an id that is taken",
      `id="ts002"`,
      `id="ts001"`,
      `c.xml:18:40: TaskService ts001, on_exit call: "ts002" is not a TaskService id; have ts001, ts001`,
      `c.xml:22:16: TaskService ts001, id: expected an id of its own, got "ts001" again`,
    ],
    [
      "an instance that is no name",
      `"EchoAction"`,
      `"../EchoAction"`,
      `c.xml:8:43: TaskService ts001, instance: expected a name such as EchoAction: a letter, then at most 62 letters, digits or _, got "../EchoAction"`,
    ],
    [
      "a topic that is no word",
      `"process" instance="EchoAction"`,
      `"process " instance="EchoAction"`,
      `c.xml:8:27: TaskService ts001, topic: expected a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics, got "process "`,
    ],
    [
      "a service type nearly right",
      `serviceType="Process"`,
      `serviceType="process"`,
      `c.xml:8:65: TaskService ts001, serviceType: expected one of Process, Thread, Executable, got "process"; did you mean "Process"?`,
    ],
    [
      "a task service without a task",
      "<description>",
      "</Task></TaskService><TaskService><Task><description>",
      "c.xml:9:5: TaskService ts001, message: expected an element, got nothing",
      "c.xml:9:5: TaskService ts001, state: expected an element, got nothing",
      "c.xml:10:28: TaskService, id: expected 1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id, got nothing",
      "c.xml:10:28: TaskService, instance: expected a name such as EchoAction: a letter, then at most 62 letters, digits or _, got nothing",
      "c.xml:10:28: TaskService, topic: expected a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics, got nothing",
      "c.xml:10:28: TaskService, serviceType: expected one of Process, Thread, Executable, got nothing",
    ],
    [
      "an entry nearly right",
      `"on_start"`,
      `"on_strat"`,
      `c.xml:17:14: TaskService ts001, state type: expected on_start, start_now, or another word for a task on demand, got "on_strat"; did you mean "on_start"?`,
    ],
    [
      "an empty entry",
      `"on_start"`,
      `""`,
      `c.xml:17:14: TaskService ts001, state type: expected on_start, start_now, or another word for a task on demand, got ""`,
    ],
    [
      "no entry",
      ` type="on_start"`,
      "",
      "c.xml:17:7: TaskService ts001, state type: expected on_start, start_now, or another word for a task on demand, got nothing",
    ],
    [
      "an empty trigger",
      "<on_exit>",
      "<on_fail/><on_exit>",
      "c.xml:18:9: TaskService ts001, on_fail: expected <action> and <call>, got nothing; write both, or remove <on_fail>",
    ],
    [
      "a trigger that is a text",
      "<on_exit>",
      "<on_fail>restart</on_fail><on_exit>",
      `c.xml:18:9: TaskService ts001, on_fail: expected elements, got the text "restart"`,
    ],
    [
      "a trigger without a call",
      "<call>ts002</call>",
      "<call/>",
      `c.xml:18:40: TaskService ts001, on_exit call: expected task ids, the context id or all, got ""`,
    ],
    [
      "a trigger with half of it left out",
      "<call>ts002</call>",
      "",
      "c.xml:18:9: TaskService ts001, on_exit call: expected task ids, the context id or all, got nothing",
    ],
    [
      "a trigger without an action",
      "<action>start</action><call>",
      "<action/><call>",
      `c.xml:18:18: TaskService ts001, on_exit action: expected one of start, stop, restart, exit, got ""`,
    ],
    [
      "an action that is none",
      "<action>start</action><call>",
      "<action>resart</action><call>",
      `c.xml:18:18: TaskService ts001, on_exit action: expected one of start, stop, restart, exit, got "resart"; did you mean "restart"?`,
    ],
    [
      "a call to an unknown id",
      "<call>ts002</call>",
      "<call>ts009</call>",
      `c.xml:18:40: TaskService ts001, on_exit call: "ts009" is not a TaskService id; have ts001, ts002`,
    ],
    [
      "calls nearly right",
      "<call>ts002</call>",
      "<call>ts02, contxt001, all</call>",
      `c.xml:18:40: TaskService ts001, on_exit call: "ts02" is not a TaskService id; have ts001, ts002; did you mean "ts002"?`,
      `c.xml:18:40: TaskService ts001, on_exit call: "contxt001" is not a TaskService id; have ts001, ts002; did you mean "context001"?`,
    ],
    [
      "a call of commas",
      "<call>ts002</call>",
      "<call>, ,</call>",
      `c.xml:18:40: TaskService ts001, on_exit call: expected task ids, the context id or all, got ", ,"`,
    ],
    [
      "an empty service name",
      "<service_name>listen<",
      "<service_name><",
      `c.xml:25:17: TaskService ts002, service_name: expected a text, got ""`,
    ],
    [
      "an empty configuration",
      "<device_action>shout</device_action>",
      "",
      "c.xml:14:11: TaskService ts001, configuration: expected at least one element, got nothing; write <configuration><device_action></device_action></configuration>",
    ],
    [
      "a configuration that is a text",
      "<device_action>shout</device_action>",
      "shout",
      `c.xml:14:11: TaskService ts001, configuration: expected at least one element, got the text "shout"; write <configuration><device_action></device_action></configuration>`,
    ],
    [
      "no configuration",
      "<configuration><ear>left</ear></configuration>",
      "",
      "c.xml:26:9: TaskService ts002, configuration: expected at least one element, got nothing; write <configuration><device_action></device_action></configuration>",
    ],
    [
      "no content",
      "<content><configuration><ear>left</ear></configuration></content>",
      "",
      "c.xml:24:7: TaskService ts002, configuration: expected at least one element, got nothing; write <configuration><device_action></device_action></configuration>",
    ],
    [
      "text beside elements of a configuration",
      "<ear>left</ear>",
      "<ear>left<lobe/></ear>",
      `c.xml:26:33: TaskService ts002, configuration ear: expected elements, got the text "left" beside them`,
    ],
    [
      "text beside attributes of a configuration",
      "<ear>left</ear>",
      `<ear side="left">big</ear>`,
      "c.xml:26:33: TaskService ts002, configuration ear: expected text or attributes, got both; make the attributes elements",
    ],
    [
      "a name that objects use",
      "<ear>left</ear>",
      `<__proto__><a/></__proto__><b constructor="1"><c/></b>`,
      "c.xml:26:33: TaskService ts002, configuration __proto__: expected another name, this one has a meaning of its own",
      "c.xml:26:63: TaskService ts002, configuration constructor: expected another name, this one has a meaning of its own",
    ],
    [
      "such a name elsewhere",
      "<ContextID>",
      `<constructor/><__proto__/><ContextID __proto__="">`,
      "c.xml:6:3: Context: unknown element <constructor>; known here: <FrontEndEndpoint>, <BackendEndpoint>, <FrontBind>, <BackendBind>, <ContextID>, <TaskLogName>, <MonitorEndpoint>, <Messaging>, <Logs>, <Supervision>, <TaskService>",
      "c.xml:6:17: Context: unknown element <__proto__>; known here: <FrontEndEndpoint>, <BackendEndpoint>, <FrontBind>, <BackendBind>, <ContextID>, <TaskLogName>, <MonitorEndpoint>, <Messaging>, <Logs>, <Supervision>, <TaskService>",
      `c.xml:6:40: ContextID: unknown attribute "__proto__"; there are none here`,
    ],
  ];

  test.each(cases)("%s", (_, piece, replacement, ...problems) => {
    expect(problemsOf(goodBut(piece, replacement))).toEqual(problems);
  });

  test.each(["context", "control", "state", ...TOLD_TOPICS])("no task is commanded on %s", (topic) => {
    expect(problemsOf(goodBut(`"process" instance="EchoAction"`, `"${topic}" instance="EchoAction"`))).toEqual([
      expect.stringMatching(`none of zcontext's own topics, got "${topic}"$`),
    ]);
  });
});

describe("all problems of a file", () => {
  const text = goodBut("<ContextID>", "<ContextId>").replace("</ContextID>", "</ContextId>").replaceAll("5557", "0");

  test("are reported at once, in the order of the file", () => {
    expect(problemsOf(text)).toEqual([
      `c.xml:3:3: BackendEndpoint: expected tcp://host:port, got "tcp://127.0.0.1:0"`,
      `c.xml:4:3: FrontBind: expected tcp://host:port or tcp://*:port, got "tcp://*:0"`,
      "c.xml:6:3: Context: unknown element <ContextId>; did you mean <ContextID>?",
    ]);
  });

  test("are one error that counts them and says how to list them", () => {
    expect(() => parseContextConfig(text, { file: "conf/Context-A.xml" })).toThrowError(
      expect.objectContaining({
        name: "ZcontextError",
        code: "ERR_CONFIG_INVALID",
        message: "conf/Context-A.xml has 3 problems",
        hint: "`service-context conf/Context-A.xml --check` lists problems without starting anything",
      }),
    );
  });

  test("are at the same places with Windows line ends, and a byte order mark is no column", () => {
    expect(problemsOf(`\uFEFF${text.replaceAll("\n", "\r\n")}`)).toEqual(problemsOf(text));
    expect(problemsOf("\uFEFF<context/>")).toEqual(["c.xml:1:1: expected the root <Context>, got <context>"]);
  });

  test("include that there is no task service at all", () => {
    const start = GOOD.indexOf("<TaskService");
    const end = GOOD.lastIndexOf("</Context>");

    expect(problemsOf(GOOD.slice(0, start) + GOOD.slice(end))).toEqual([
      "c.xml:1:1: TaskService: expected at least one, got none",
    ]);
  });

  test("stay readable where a file has a hundred tasks", () => {
    const start = GOOD.indexOf("<TaskService");
    const end = GOOD.lastIndexOf("</Context>");
    const task = GOOD.slice(GOOD.lastIndexOf("<TaskService"), end);
    const tasks = Array.from({ length: 100 }, (_, index) => task.replace("ts002", `t${index}`)).join("");
    const caller = task.replace(
      `type="on_demand"/>`,
      `type="on"><on_fail><action>stop</action><call>nobody</call></on_fail></state>`,
    );

    expect(problemsOf(GOOD.slice(0, start) + tasks + caller + GOOD.slice(end))).toEqual([
      expect.stringMatching(/"nobody" is not a TaskService id; have t0, t1, .*, t19, and 81 more$/),
    ]);
  });
});

describe("the addresses of a forwarder", () => {
  const at = (backendEndpoint: string, frontBind: string) =>
    GOOD.replace("tcp://127.0.0.1:5557", `tcp://${backendEndpoint}`).replace("tcp://*:5557", `tcp://${frontBind}`);

  test.each([
    ["[::1]:5557", "127.0.0.1:5557", `expected host 127.0.0.1 as in FrontBind, got "tcp://[::1]:5557"`],
    ["[::1]:5557", "localhost:5557", `expected host 127.0.0.1 as in FrontBind, got "tcp://[::1]:5557"`],
    ["127.0.0.2:5557", "127.0.0.1:5557", `expected host 127.0.0.1 as in FrontBind, got "tcp://127.0.0.2:5557"`],
    [
      "localhost:5557",
      "[::1]:5557",
      `expected host [::1] as in FrontBind, got "tcp://localhost:5557", which is 127.0.0.1`,
    ],
  ])("are a problem with the endpoint %s and the bind %s, where no peer would meet", (endpoint, bind, problem) => {
    expect(problemsOf(at(endpoint, bind))).toEqual([`c.xml:3:3: BackendEndpoint: ${problem}`]);
  });

  test.each([
    ["[::1]:5557", "*:5557"],
    ["[::1]:5557", "[0:0:0:0:0:0:0:1]:5557"],
    ["localhost:5557", "127.0.0.1:5557"],
    ["127.0.0.2:5557", "*:5557"],
    ["127.0.0.1:*", "[::1]:*"],
  ])("may be %s and %s", (endpoint, bind) => {
    expect(parseContextConfig(at(endpoint, bind)).endpoints.publish).toBe(`tcp://${endpoint}`);
  });
});

describe("the ports of a forwarder", () => {
  test("may be chosen by the system on both sides", () => {
    const text = GOOD.replaceAll(/555[67]/g, "*");

    expect(parseContextConfig(text).binds).toEqual({ publish: "tcp://*:*", subscribe: "tcp://*:*" });
  });

  test("may not be the same on both sides", () => {
    expect(problemsOf(GOOD.replaceAll("5557", "5556"))).toEqual([
      `c.xml:5:3: BackendBind: expected a port other than FrontBind's, got "tcp://*:5556"`,
    ]);
  });
});
