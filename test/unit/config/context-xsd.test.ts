// conf/context.xsd is for editors, the parser is what counts. The parser refuses every file that the schema refuses. What
// a schema can't express is listed here by name. Starting xmllint takes longer than all its work, so one run judges all files.
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { validateXML } from "xmllint-wasm";
import { parseContextConfig } from "../../../src/config/context-config.ts";
import { CONTEXT_ATTRIBUTES, SHARED_ATTRIBUTES, TASK_ATTRIBUTES } from "../../../src/config/supervision-reader.ts";
import { executableWith, GOOD, goodBut, supervisedBy } from "./context-xml.ts";

type Example = [what: string, text: string];

const root = new URL("../../../", import.meta.url);
const schema = readFileSync(new URL("conf/context.xsd", root), "utf8");

/** Whether the schema accepts each of these texts, which have to be well-formed. */
async function validate(texts: readonly string[]): Promise<Map<string, boolean>> {
  const xml = texts.map((contents, index) => ({ fileName: `${index}.xml`, contents }));
  const { rawOutput } = await validateXML({ xml, schema: [schema] });
  const said = [...rawOutput.matchAll(/^(\d+)\.xml (validates|fails to validate)$/gm)];
  expect(said.map(([, index]) => index)).toEqual(texts.map((_, index) => `${index}`));
  return new Map(said.map(([, index, outcome]) => [texts[Number(index)] as string, outcome === "validates"]));
}

function isAccepted(text: string): boolean {
  try {
    return parseContextConfig(text) !== undefined;
  } catch {
    return false;
  }
}

function contextsIn(folder: string): string[] {
  const names = readdirSync(new URL(folder, root)).filter((name) => name.endsWith(".xml"));
  return names.filter((name) => folder !== "conf/" || name.startsWith("Context-")).map((name) => folder + name);
}

/** The good file with these attributes in its first task's supervision. */
function supervisedWith(attributes: string): string {
  return supervisedBy({ first: `<Supervision ${attributes}/>` });
}

/** What a task can't do without. */
const TASK =
  "<message><header><service_name>a</service_name></header><content><configuration><a/></configuration></content></message><state/>";

const LEAST = `restart="never" max_restarts="0" period_s="1" backoff_min_s="0.01" backoff_max_s="0.01" on_limit="fail"
  success_codes="0" no_restart_codes="0" ready_timeout_s="0.1" heartbeat_s="0.1" heartbeat_timeout_s="0.2" grace_s="0"
  stop_signal="SIGINT" essential="false" rolling="false" min_healthy_s="0.1" depends_on="ts002" nice="-20" memory_max_mib="0.1" files_max="16"
  working_folder="." stdin="empty" env_file=".env" ready_tcp="1" ready_interval_s="0.1" ready_probe_timeout_s="0.1"
  env_roots="." user="0" group="a" stop_exec="a" stop_exec_timeout_s="0.1" live_tcp="1" live_interval_s="0.1"
  live_probe_timeout_s="0.1" live_failures="1"`;

const MOST = `restart="always" max_restarts="1000" period_s="86400" backoff_min_s="3600" backoff_max_s="3600.0"
  on_limit="keep-trying" success_codes="0,100 199, 249 ,255," no_restart_codes=",7" ready_timeout_s="86400"
  heartbeat_s="3600" heartbeat_timeout_s="86400" grace_s="3600" stop_signal="SIGKILL" essential="true"
  rolling="true" min_healthy_s="3600" depends_on=" ts002, " nice="19" memory_max_mib="1000000000" files_max="1000000000" working_folder="/ a"
  stdin="open" env_file="a, b/c d" ready_tcp="a-b.c:65535" ready_interval_s="3600" ready_probe_timeout_s="3600"
  env_roots="/etc, ../a b" user="_a.b-c$" group="4294967295" stop_exec="a 'b c'" stop_exec_timeout_s="3600"
  live_http="https://a.b/c" live_interval_s="3600" live_probe_timeout_s="3600" live_failures="1000"`;

describe("the schema and the parser", () => {
  const files = [...contextsIn("test/fixtures/contexts/"), ...contextsIn("conf/")].map(
    (path): Example => [path, readFileSync(new URL(path, root), "utf8")],
  );

  const inAnyOrder = GOOD.replace(/( *<TaskLogName>[^\n]*\n)(.*)(<\/Context>)/s, "$2$1$3");
  const good: Example[] = [
    ["a plain file", GOOD],
    ["a setting after the task services", inAnyOrder],
    ["no context id", goodBut("<ContextID>context001</ContextID>", "")],
    ["an endpoint that is not read", goodBut("<ContextID>", "<MonitorEndpoint>x</MonitorEndpoint><ContextID>")],
    ...["memory", "file", "sync"].map(
      (word): Example => [
        `messages kept in ${word}`,
        goodBut("<ContextID>", `<Messaging durability="${word}"/><ContextID>`),
      ],
    ),
    ["messages kept as they are by default", goodBut("<ContextID>", "<Messaging/><ContextID>")],
    ...[
      `url="nats://127.0.0.1:4222" durability="memory"`,
      `url="tls+nats://one:4222,[::1]:4222,three/" dialect="igz" claim_store="redis://cache:6379/0"`,
      `url="amqp://mq/%2Forders?insecure=true" dialect="twyla" claim_store="rediss://cache"`,
      `claim_store="redis://cache" dialect="igz"`,
    ].map((words): Example => [`messages at ${words}`, goodBut("<ContextID>", `<Messaging ${words}/><ContextID>`)]),
    ["white space around a text", goodBut("tcp://*:5557<", "\n tcp://*:5557\t<")],
    ["an IPv6 host", GOOD.replaceAll("127.0.0.1", "[fe80::1%eth0]")],
    ["ports that the system chooses", GOOD.replaceAll(/555[67]/g, "*")],
    ["the last port", GOOD.replaceAll("5557", "65535")],
    ["a thread", goodBut(`serviceType="Process"`, `serviceType="Thread"`)],
    ["the least of instances", goodBut(`id="ts001"`, `id="ts001" instances="1"`)],
    ["the most of instances", goodBut(`id="ts001"`, `id="ts001" instances="500"`)],
    ...[`exec="a 'b'"`, `tcp="[::1]:1"`, `http="HTTP://a"`].map(
      (probe): Example => [`a liveness probe of ${probe}`, supervisedWith(`live_${probe}`)],
    ),
    ["a program", executableWith("<command>sleep 1000</command>")],
    [
      "a program with arguments, on either side of the task",
      executableWith("<argument/><command>\n  sh -c 'exit 0'\n</command>").replace(
        "</Task>",
        "</Task><argument> 1 </argument><argument>2</argument>",
      ),
    ],
    ...["0", "0.25", "007", "86400.0"].flatMap((seconds): Example[] => [
      [`${seconds} s for a program to get ready`, executableWith("<command>a</command>", seconds)],
      [`${seconds} s in an element`, executableWith(`<command>a</command><ready_after_s>${seconds}</ready_after_s>`)],
    ]),
    ["an element for an attribute", goodBut(` type="on_start">`, "><type>on_start</type>")],
    [
      "parts of a task in another order",
      goodBut("<description>Shouts</description>", "").replace("<state type=", "<description/><state type="),
    ],
    ["every part of a header", goodBut("<action>", "<service_id/><transaction/><service_transaction/><action>")],
    ["a trigger with both parts empty", goodBut("<on_exit>", "<on_fail><call/><action/></on_fail><on_exit>")],
    ["an exit", goodBut("<action>start</action><call>ts002<", "<action>exit</action><call>all<")],
    [
      "supervisions before the tasks",
      supervisedBy({ context: `<Supervision strategy="rest_for_one"/>`, first: "<Supervision/>" }),
    ],
    [
      "supervisions behind the tasks",
      goodBut("</TaskService>\n</Context>", "<Supervision/></TaskService><Supervision/><MonitorEndpoint/></Context>"),
    ],
    ["the least of everything", supervisedWith(LEAST)],
    ["the most of everything", supervisedWith(MOST)],
    ["empty lists", supervisedWith(`success_codes="" no_restart_codes=", " depends_on="" env_file=""`)],
    ["no heartbeat", supervisedWith(`heartbeat_s="0.0"`)],
    ...[`exec="test -e 'a b'"`, `tcp="[::1]:65535"`, `http="HTTPS://a.b/c?d"`, `log="^up (\\d+)$"`].map(
      (probe): Example => [`a probe of ${probe}`, supervisedWith(`ready_${probe}`)],
    ),
    [
      "variables",
      supervisedBy({
        first: `<Supervision><environment name="A"> 1 </environment><environment name="__proto__"/></Supervision>`,
      }),
    ],
    ["anything in a configuration", goodBut("<ear>left</ear>", `<a b="1"/><a><c>2</c></a><Context/>`)],
  ];

  const bad: Example[] = [
    ["another root", "<MetaServiceConf/>"],
    ["no task service", GOOD.replace(/<TaskService.*<\/TaskService>/s, "")],
    ...["FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind", "TaskLogName"].flatMap((name): Example[] => [
      [`a file without ${name}`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), "")],
      [`a file with ${name} twice`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), "$&$&")],
      [`an empty ${name}`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), `<${name}/>`)],
    ]),
    ["messages kept elsewhere", goodBut("<ContextID>", `<Messaging durability="cloud"/><ContextID>`)],
    ["two words about messages", goodBut("<ContextID>", `${'<Messaging durability="file"/>'.repeat(2)}<ContextID>`)],
    ["two empty words about messages", goodBut("<ContextID>", `${"<Messaging/>".repeat(2)}<ContextID>`)],
    ...[
      `url=""`,
      `url="kafka://mq"`,
      `url="ipc:///run/broker"`,
      `url="nats://shop:secret@bus"`,
      `url="nats://bus/orders"`,
      `url="nats://bus:0"`,
      `url="amqp://mq/one/two"`,
      `url="amqp://mq?password=secret"`,
      `url="nats://bus" dialect="kafka"`,
      `claim_store="memcached://cache"`,
      `claim_store="redis://:secret@cache"`,
      `claim_store="redis://cache/orders"`,
    ].map((words): Example => [`messages at ${words}`, goodBut("<ContextID>", `<Messaging ${words}/><ContextID>`)]),
    ["text about messages", goodBut("<ContextID>", "<Messaging>nats</Messaging><ContextID>")],
    ["two context ids", goodBut("<ContextID>", "<ContextID/><ContextID>")],
    ["an unknown element", goodBut("<ContextID>", "<Author/><ContextID>")],
    ["an unknown attribute", goodBut(`topic="process"`, `topic="process" colour="red"`)],
    ["an attribute of a text", goodBut("<ContextID>", `<ContextID lang="en">`)],
    ["an attribute of a trigger", goodBut("<on_exit>", `<on_exit action="start">`)],
    ["text between elements", goodBut("<Task>", "<Task>text")],
    ["an element in a text", goodBut("context001<", "<b/><")],
    ["a namespace", goodBut("<Context>", `<Context xmlns="urn:context">`)],
    ["a host of * for peers", goodBut("tcp://127.0.0.1:5557", "tcp://*:5557")],
    ["an endpoint without tcp", GOOD.replaceAll("tcp:", "ipc:")],
    ["port 0", GOOD.replaceAll("5557", "0")],
    ["port 65536", GOOD.replaceAll("5557", "65536")],
    ["an id with a comma", goodBut(`id="ts001"`, `id="ts,001"`)],
    ["an empty id", goodBut(`id="ts001"`, `id=""`)],
    ["an id of 129 characters", goodBut(`id="ts001"`, `id="${"x".repeat(129)}"`)],
    ["the same id twice", goodBut(`id="ts002"`, `id="ts001"`)],
    ["no instances", goodBut(`id="ts001"`, `id="ts001" instances="0"`)],
    ["501 instances", goodBut(`id="ts001"`, `id="ts001" instances="501"`)],
    ["several instances", goodBut(`id="ts001"`, `id="ts001" instances="several"`)],
    ...[`user=""`, `user="a b"`, `group="-1"`, `live_failures="0"`, `stop_exec=""`, `live_tcp="0"`].map(
      (words): Example => [`a supervision with ${words}`, supervisedWith(words)],
    ),
    ["an instance with a slash", goodBut(`"EchoAction"`, `"a/b"`)],
    ["a topic that begins with a digit", goodBut(`"process"`, `"1process"`)],
    ["an unknown service type", goodBut(`"Process"`, `"Fibre"`)],
    ["an empty command", executableWith("<command> </command>")],
    ["two commands", executableWith("<command>a</command><command>b</command>")],
    ["an element in an argument", executableWith("<command>a</command><argument><b/></argument>")],
    [
      "a command as an attribute",
      executableWith("<command>a</command>").replace("serviceType", `command="a" serviceType`),
    ],
    ["two times to get ready", executableWith(`<command>a</command>${"<ready_after_s>1</ready_after_s>".repeat(2)}`)],
    ...["", "-1", "+1", "1e3", ".5", "5.", "86400.1", "1 s", "INF"].map(
      (seconds): Example => [`a time to get ready of “${seconds}”`, executableWith("<command>a</command>", seconds)],
    ),
    [
      "two service types in elements",
      goodBut(` serviceType="Process">`, `>${"<serviceType>Thread</serviceType>".repeat(2)}`),
    ],
    ["two tasks", goodBut("<Task>", `<Task>${TASK}</Task><Task>`)],
    ["an empty entry", goodBut(`"on_start"`, `""`)],
    ["no task", GOOD.replace(/<Task>.*?<\/Task>/s, "")],
    ["two descriptions", goodBut("<description>", "<description/><description>")],
    ["no service name", goodBut("<service_name>listen</service_name>", "")],
    ["an empty service name", goodBut("<service_name>listen<", "<service_name> <")],
    ["no content", goodBut("<content><configuration><ear>left</ear></configuration></content>", "")],
    ["an empty configuration", goodBut("<ear>left</ear>", "")],
    [
      "a configuration of attributes",
      goodBut("<configuration><ear>left</ear></configuration>", `<configuration ear="left"/>`),
    ],
    ["text in a configuration", goodBut("<ear>left</ear>", "left<ear/>")],
    ...[
      `restart="sometimes"`,
      `max_restarts="1001"`,
      `max_restarts="1.5"`,
      `period_s="0.9"`,
      `backoff_min_s="0.001"`,
      `backoff_max_s="3601"`,
      `on_limit=""`,
      `success_codes="256"`,
      `no_restart_codes="0;1"`,
      `ready_timeout_s="0"`,
      `heartbeat_s="0.05"`,
      `heartbeat_timeout_s="86401"`,
      `grace_s="-1"`,
      `stop_signal="TERM"`,
      `essential="1"`,
      `nice="20"`,
      `memory_max_mib="0"`,
      `files_max="15"`,
      `working_folder=" "`,
      `ready_exec=""`,
      `ready_tcp="a:65536"`,
      `ready_http="ftp://a"`,
      `ready_log=" "`,
      `ready_interval_s="0"`,
      `ready_probe_timeout_s="1e3"`,
      `strategy="one_for_all"`,
    ].map((attribute): Example => [`a supervision with ${attribute}`, supervisedWith(attribute)]),
    ["a strategy that is none", supervisedBy({ context: `<Supervision strategy="all"/>` })],
    ["a Context that is essential", supervisedBy({ context: `<Supervision essential="true"/>` })],
    ["a Context that depends on a task", supervisedBy({ context: `<Supervision depends_on="ts001"/>` })],
    ["two supervisions of a Context", supervisedBy({ context: "<Supervision/><Supervision/>" })],
    ["two supervisions of a task", supervisedBy({ second: "<Supervision/><Supervision/>" })],
    ["text in a supervision", supervisedBy({ first: "<Supervision>always</Supervision>" })],
    ["a variable without a name", supervisedBy({ first: "<Supervision><environment/></Supervision>" })],
    [
      "a variable that begins with a digit",
      supervisedBy({ first: `<Supervision><environment name="1A"/></Supervision>` }),
    ],
    [
      "a variable that comes twice",
      supervisedBy({ context: `<Supervision>${`<environment name="A"/>`.repeat(2)}</Supervision>` }),
    ],
    ["an empty trigger", goodBut("<on_exit>", "<on_fail/><on_exit>")],
    ["an unknown trigger", goodBut("on_exit", "on_leave").replace("/on_exit", "/on_leave")],
    ["a trigger without a call", goodBut("<call>ts002</call>", "")],
    ["an unknown action", goodBut("<action>start</action><call>", "<action>kill</action><call>")],
  ];

  const beyondSchemas: Example[] = [
    ["an endpoint with another port than its bind", goodBut("127.0.0.1:5557", "127.0.0.1:5558")],
    ["two binds of one port", GOOD.replaceAll("5557", "5556")],
    ["a call to an unknown task", goodBut("<call>ts002</call>", "<call>ts009</call>")],
    ["a call without an action", goodBut("<action>start</action><call>", "<action/><call>")],
    ["an action without a call", goodBut("<call>ts002</call>", "<call/>")],
    ["the id all", goodBut(`id="ts002"`, `id="all"`)],
    ["the context's id for a task", goodBut(`id="ts002"`, `id="context001"`)],
    [
      "the same id twice, once as an element",
      goodBut(`id="ts002"`, "").replace(/<Task>(?=\s*<message>\s*<header><service)/, "<id>ts001</id><Task>"),
    ],
    ["no id, which might be an element", goodBut(`id="ts002"`, "")],
    ["no entry, which might be an element", goodBut(` type="on_start"`, "")],
    ["an entry that is nearly a known word", goodBut(`"on_start"`, `"on_strat"`)],
    ["white space around an attribute", goodBut(`"EchoAction"`, `" EchoAction"`)],
    ["text beside elements deep in a configuration", goodBut("<ear>left</ear>", "<ear>left<lobe/></ear>")],
    ["text beside attributes in a configuration", goodBut("<ear>left</ear>", `<ear side="left">big</ear>`)],
    ["a name that objects use", goodBut("<ear>left</ear>", "<constructor/>")],
    ["a program without a command", executableWith("")],
    ["a command for a process", goodBut(`serviceType="Process">`, `serviceType="Process"><command>a</command>`)],
    ["a command that breaks off in a quote", executableWith("<command>a 'b</command>")],
    ["a command whose program is empty", executableWith("<command>'' a</command>")],
    ["two probes", supervisedWith(`ready_tcp="80" ready_log="up"`)],
    ["a longest wait below the first", supervisedWith(`backoff_min_s="2" backoff_max_s="1"`)],
    ["a heartbeat as slow as its timeout", supervisedWith(`heartbeat_s="5"`)],
    ["a pattern that does not compile", supervisedWith(`ready_log="("`)],
    ["an env file of another folder", supervisedWith(`env_file="../.env"`)],
    ["a task that depends on an unknown one", supervisedWith(`depends_on="ts009"`)],
    ["a variable of ours", supervisedBy({ first: `<Supervision><environment name="ZCONTEXT_TOPIC"/></Supervision>` })],
    [
      "tasks that depend on each other",
      supervisedBy({ first: `<Supervision depends_on="ts002"/>`, second: `<Supervision depends_on="ts001"/>` }),
    ],
    ["a DOCTYPE", `<!DOCTYPE Context>${GOOD}`],
  ];

  let bySchema: Map<string, boolean>;

  beforeAll(async () => {
    bySchema = await validate([...files, ...good, ...bad, ...beyondSchemas].map(([, text]) => text));
  });

  function outcomes(text: string): { schema: boolean | undefined; parser: boolean } {
    return { schema: bySchema.get(text), parser: isAccepted(text) };
  }

  test.each([...files, ...good])("both accept %s", (_, text) => {
    expect(outcomes(text)).toEqual({ schema: true, parser: true });
  });

  test.each(bad)("both refuse %s", (_, text) => {
    expect(outcomes(text)).toEqual({ schema: false, parser: false });
  });

  test.each(beyondSchemas)("only the parser refuses %s", (_, text) => {
    expect(outcomes(text)).toEqual({ schema: true, parser: false });
  });
});

test("the schema explains every attribute of a supervision", () => {
  const explained = [...schema.matchAll(/<xs:attribute name="(\w+)"[^>]*>\s*<xs:annotation>/g)].map(([, name]) => name);

  expect(explained).toEqual(expect.arrayContaining([...SHARED_ATTRIBUTES, ...TASK_ATTRIBUTES, ...CONTEXT_ATTRIBUTES]));
});
