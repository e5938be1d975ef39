// conf/context.xsd is for editors, the parser is what counts. Whatever the schema refuses the parser refuses too, and
// what a schema cannot say is listed here by name.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { validateXML } from "xmllint-wasm";
import { parseContextConfig } from "../../../src/config/context-config.ts";
import { executableWith, GOOD, goodBut } from "./context-xml.ts";

const root = new URL("../../../", import.meta.url);
const schema = readFileSync(new URL("conf/context.xsd", root), "utf8");

async function isValid(text: string): Promise<boolean> {
  const { valid } = await validateXML({ xml: [{ fileName: "context.xml", contents: text }], schema: [schema] });
  return valid;
}

function isAccepted(text: string): boolean {
  try {
    return parseContextConfig(text) !== undefined;
  } catch {
    return false;
  }
}

async function verdicts(text: string): Promise<{ schema: boolean; parser: boolean }> {
  return { schema: await isValid(text), parser: isAccepted(text) };
}

function contextsIn(folder: string): string[] {
  const names = readdirSync(new URL(folder, root)).filter((name) => name.endsWith(".xml"));
  return names.filter((name) => folder !== "conf/" || name.startsWith("Context-")).map((name) => folder + name);
}

/** What a task can't do without. */
const TASK =
  "<message><header><service_name>a</service_name></header><content><configuration><a/></configuration></content></message><state/>";

describe("the schema and the parser", () => {
  test.each([...contextsIn("test/fixtures/contexts/"), ...contextsIn("conf/")])("both accept %s", async (path) => {
    expect(await verdicts(readFileSync(new URL(path, root), "utf8"))).toEqual({ schema: true, parser: true });
  });

  const inAnyOrder = GOOD.replace(/( *<TaskLogName>[^\n]*\n)(.*)(<\/Context>)/s, "$2$1$3");
  const good: [what: string, text: string][] = [
    ["a plain file", GOOD],
    ["a setting after the task services", inAnyOrder],
    ["no context id", goodBut("<ContextID>context001</ContextID>", "")],
    ["an endpoint that nobody reads", goodBut("<ContextID>", "<MonitorEndpoint>x</MonitorEndpoint><ContextID>")],
    ["white space around a text", goodBut("tcp://*:5557<", "\n tcp://*:5557\t<")],
    ["an IPv6 host", GOOD.replaceAll("127.0.0.1", "[fe80::1%eth0]")],
    ["ports that the system chooses", GOOD.replaceAll(/555[67]/g, "*")],
    ["the last port", GOOD.replaceAll("5557", "65535")],
    ["a thread", goodBut(`serviceType="Process"`, `serviceType="Thread"`)],
    ["a program", executableWith("<command>sleep 1000</command>")],
    [
      "a program with arguments, on either side of the task",
      executableWith("<argument/><command>\n  sh -c 'exit 0'\n</command>").replace(
        "</Task>",
        "</Task><argument> 1 </argument><argument>2</argument>",
      ),
    ],
    ...["0", "0.25", "007", "86400.0"].flatMap((seconds): [string, string][] => [
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
    ["anything in a configuration", goodBut("<ear>left</ear>", `<a b="1"/><a><c>2</c></a><Context/>`)],
  ];

  test.each(good)("both accept %s", async (_, text) => {
    expect(await verdicts(text)).toEqual({ schema: true, parser: true });
  });

  const bad: [what: string, text: string][] = [
    ["another root", "<MetaServiceConf/>"],
    ["no task service", GOOD.replace(/<TaskService.*<\/TaskService>/s, "")],
    ...["FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind", "TaskLogName"].flatMap(
      (name): [string, string][] => [
        [`a file without ${name}`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), "")],
        [`a file with ${name} twice`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), "$&$&")],
        [`an empty ${name}`, GOOD.replace(new RegExp(`<${name}>.*</${name}>`), `<${name}/>`)],
      ],
    ),
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
    ...["", "-1", "+1", "1e3", ".5", "5.", "86400.1", "1 s", "INF"].map((seconds): [string, string] => [
      `a time to get ready of “${seconds}”`,
      executableWith("<command>a</command>", seconds),
    ]),
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
    ["an empty trigger", goodBut("<on_exit>", "<on_fail/><on_exit>")],
    ["an unknown trigger", goodBut("on_exit", "on_leave").replace("/on_exit", "/on_leave")],
    ["a trigger without a call", goodBut("<call>ts002</call>", "")],
    ["an unknown action", goodBut("<action>start</action><call>", "<action>kill</action><call>")],
  ];

  test.each(bad)("both refuse %s", async (_, text) => {
    expect(await verdicts(text)).toEqual({ schema: false, parser: false });
  });

  const beyondSchemas: [what: string, text: string][] = [
    ["an endpoint with another port than its bind", goodBut("127.0.0.1:5557", "127.0.0.1:5558")],
    ["two binds of one port", GOOD.replaceAll("5557", "5556")],
    ["a call to nobody", goodBut("<call>ts002</call>", "<call>ts009</call>")],
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
    ["a DOCTYPE", `<!DOCTYPE Context>${GOOD}`],
  ];

  test.each(beyondSchemas)("only the parser refuses %s", async (_, text) => {
    expect(await verdicts(text)).toEqual({ schema: true, parser: false });
  });
});
