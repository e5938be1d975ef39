import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../../src/config/context-config.ts";
import { type ProgramTask, withProgram } from "../../../src/generator/program.ts";
import { contextXml, shell } from "../../support/context.ts";

const WEB: ProgramTask = {
  ...{ name: "web", words: ["python3", "-m", "http.server", "a b & c"], entry: "on_start" },
  supervision: [
    ["restart", "always"],
    ["ready_log", 'say "up" <now>'],
  ],
  environment: [["GREETING", " it's\n & <you> "]],
};
const FILE = `<?xml version="1.0"?>
<Context>
\t<!-- ours -->
\t<FrontEndEndpoint>tcp://127.0.0.1:*</FrontEndEndpoint><BackendEndpoint>tcp://127.0.0.1:*</BackendEndpoint>
\t<FrontBind>tcp://127.0.0.1:*</FrontBind><BackendBind>tcp://127.0.0.1:*</BackendBind>
\t<ContextID>c</ContextID><TaskLogName>Shop</TaskLogName>
</Context>
<!-- the end -->
`;
const add = (text: string, but: Partial<ProgramTask> = {}, force = false) =>
  withProgram(text, { ...WEB, ...but }, { file: "c.xml", force });

describe("a program", () => {
  test("gets into a file as it was given, and the rest of the file stays", () => {
    const { text, fate } = add(FILE);
    const [task] = parseContextConfig(text).tasks;

    expect(fate).toBe("added");
    expect(task).toMatchObject({
      ...{ id: "web", serviceName: "web", instance: "Web", serviceType: "Executable", entry: "on_start" },
      command: { program: "python3", words: ["-m", "http.server", "a b & c"] },
      supervision: {
        restart: "always",
        probe: { kind: "log", pattern: 'say "up" <now>' },
        environment: { GREETING: " it's\n & <you> " },
      },
    });
    const [before = "", after = ""] = FILE.split("</Context>");
    expect(text.startsWith(before)).toBe(true);
    expect(text.endsWith(`</Context>${after}`)).toBe(true);
    expect(text).toContain("\n\t<TaskService");
  });

  test("that needs nothing has no supervision, and one of several its number", () => {
    const { text } = add(FILE, { name: "nightly-backup", supervision: [], environment: [], instances: "2" });

    expect(text).not.toContain("<Supervision");
    expect(parseContextConfig(text).tasks.map(({ id, instance }) => [id, instance])).toEqual([
      ["nightly-backup.1", "NightlyBackup"],
      ["nightly-backup.2", "NightlyBackup"],
    ]);
  });

  test("does not take the place of another unless it is forced, and then of no more than that one", () => {
    const { text } = add(add(add(FILE).text, { name: "db", words: ["db"] }).text, { name: "end", words: ["end"] });

    expect(() => add(text, { name: "db" })).toThrow(
      expect.objectContaining({
        code: "ERR_TARGET_REFUSED",
        message: expect.stringMatching(/^c\.xml:\d+:\d+: there is a task db already/),
      }),
    );
    const forced = add(text, { name: "db", words: ["db", "--new"] }, true);
    const [before = "", after = ""] = text.split("<command>db</command>");
    expect(forced.fate).toBe("replaced");
    expect(parseContextConfig(forced.text).tasks.map(({ id, command }) => [id, command?.words.length])).toEqual([
      ["web", 3],
      ["db", 1],
      ["end", 0],
    ]);
    expect(forced.text.startsWith(before.slice(0, before.lastIndexOf("<TaskService")))).toBe(true);
    expect(forced.text.endsWith(after.slice(after.indexOf("</TaskService>")))).toBe(true);
  });

  test("takes the place of one on a single line as well", () => {
    const { text } = add(contextXml([shell("web", "true"), shell("db", "true")]).replaceAll(/\n\s*/g, ""), {}, true);

    expect(parseContextConfig(text).tasks.map(({ id, command }) => [id, command?.program])).toEqual([
      ["web", "python3"],
      ["db", "sh"],
    ]);
  });
});

test.each<[string, Partial<ProgramTask>, string]>([
  [
    "a policy",
    { supervision: [["restart", "alway"]] },
    'restart: expected one of never, on-failure, always, got "alway"; did you mean "always"?',
  ],
  ["an unknown task", { supervision: [["depends_on", "db"]] }, 'depends_on: "db" is not a TaskService id; have web'],
  ["a variable", { environment: [["1A", ""]] }, "environment name: expected a name of letters, digits and _"],
  ["instances", { instances: "0" }, "instances: expected a whole number from 1 to 500"],
])("%s that is wrong is told by its attribute, without a place in a file that is not written", (_, but, detail) => {
  try {
    add(FILE, but);
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_USAGE", details: [expect.stringContaining(detail)] });
    expect((error as { details: string[] }).details[0]?.startsWith(detail.slice(0, 8))).toBe(true);
  }
});

test("a file that is wrong already is told as such", () => {
  const wrong = contextXml([shell("db", "true")]).replace('serviceType="Executable"', 'serviceType="Exe"');

  expect(() => add(wrong)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
});
