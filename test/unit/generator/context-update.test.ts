import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../../src/config/context-config.ts";
import { readExisting } from "../../../src/config/service-list/existing-context.ts";
import { rootEnd } from "../../../src/config/xml/xml.ts";
import { addTaskServices } from "../../../src/generator/context-update.ts";
import { detailsOf, GOOD, goodBut } from "../config/context-xml.ts";

/** A task service as the template renders it, its values escaped already. */
function addition(id: string, description = "", device = "d"): string {
  return `<TaskService id="${id}" topic="process" instance="Added" serviceType="Process">
  <Task>
    <description>${description}</description>
    <message>
      <header><service_name>added</service_name></header>
      <content>
        <configuration>
          <device_action>${device}</device_action>
        </configuration>
      </content>
    </message>
    <state type="on_demand"/>
  </Task>
</TaskService>
`;
}

/** One of as few lines as show every level. */
const SHORT = `<TaskService id="new">\n  <Task>\n    <state/>\n  </Task>\n</TaskService>`;

function tasksIn(text: string) {
  return readExisting(text, "c.xml").tasks;
}

test.each([
  ["<Context>", "context.xml:1:9: not well-formed: unclosed tag: Context"],
  ["<Contexts/>", "context.xml:1:1: expected the root <Context>, got <Contexts>"],
])("nothing is added to %s", (text, problem) => {
  expect(detailsOf(() => addTaskServices(text, [SHORT]))).toEqual([problem]);
});

describe("a task service is added in the style of the file:", () => {
  test.each([
    [
      "two spaces, as in the examples, with an empty line before",
      "<Context>\n  <A/>\n\n  <TaskService>\n    <Task/>\n  </TaskService>\n</Context>\n",
      '<Context>\n  <A/>\n\n  <TaskService>\n    <Task/>\n  </TaskService>\n\n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>\n',
    ],
    [
      "no empty line where the file has none",
      "<Context>\n  <TaskService/>\n  <TaskService/>\n</Context>",
      '<Context>\n  <TaskService/>\n  <TaskService/>\n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>',
    ],
    [
      "tabs, and the line ends of Windows",
      "<Context>\r\n\t<TaskService/>\r\n</Context>\r\n",
      '<Context>\r\n\t<TaskService/>\r\n\t<TaskService id="new">\r\n\t\t<Task>\r\n\t\t\t<state/>\r\n\t\t</Task>\r\n\t</TaskService>\r\n</Context>\r\n',
    ],
    [
      "four spaces",
      "<Context>\n    <TaskService/>\n</Context>",
      '<Context>\n    <TaskService/>\n    <TaskService id="new">\n        <Task>\n            <state/>\n        </Task>\n    </TaskService>\n</Context>',
    ],
    [
      "levels unlike the first",
      "<Context>\n<TaskService>\n   <Task/>\n</TaskService>\n</Context>",
      '<Context>\n<TaskService>\n   <Task/>\n</TaskService>\n<TaskService id="new">\n   <Task>\n      <state/>\n   </Task>\n</TaskService>\n</Context>',
    ],
    [
      "an empty line before the comment of a task counts",
      "<Context>\n  <A/>\n\n  <!-- one -->\n  <!-- two -->\n  <TaskService/>\n</Context>",
      '<Context>\n  <A/>\n\n  <!-- one -->\n  <!-- two -->\n  <TaskService/>\n\n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>',
    ],
    [
      "after the comments at the end",
      "<Context>\n  <TaskService/>\n  <!-- <TaskService/> </Context> -->\n</Context>",
      '<Context>\n  <TaskService/>\n  <!-- <TaskService/> </Context> -->\n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>',
    ],
    [
      "before the end tag, not before what looks like one",
      "<Context>\n <TaskService/>\n </Context\n><!-- </Context> --><?p </Context> ?>\n",
      '<Context>\n <TaskService/>\n <TaskService id="new">\n  <Task>\n   <state/>\n  </Task>\n </TaskService>\n </Context\n><!-- </Context> --><?p </Context> ?>\n',
    ],
    [
      "the first one after an empty line, which may be there already",
      "<Context>\n  <A/>\n\n</Context>\n",
      '<Context>\n  <A/>\n\n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>\n',
    ],
    [
      "the first one of a file without any",
      "<Context>\n\t<A/>\n</Context>",
      '<Context>\n\t<A/>\n\n\t<TaskService id="new">\n\t\t<Task>\n\t\t\t<state/>\n\t\t</Task>\n\t</TaskService>\n</Context>',
    ],
    [
      "on lines of its own in a file of one line",
      "<Context><TaskService/> </Context>",
      '<Context><TaskService/> \n  <TaskService id="new">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context>',
    ],
    [
      "in an empty root",
      "\uFEFF<Context a='/>' /><!-- /> -->",
      "\uFEFF<Context a='/>' >\n  <TaskService id=\"new\">\n    <Task>\n      <state/>\n    </Task>\n  </TaskService>\n</Context><!-- /> -->",
    ],
  ])("%s", (_, before, after) => {
    expect(addTaskServices(before, [SHORT])).toBe(after);
    expect(addTaskServices(before, [`${SHORT}\n`])).toBe(after);
  });

  test("several keep their order", () => {
    const text = addTaskServices("<Context>\n  <TaskService id='a'/>\n</Context>", [SHORT, SHORT.replace("new", "z")]);

    expect(tasksIn(text).map(({ id }) => id)).toEqual(["a", "new", "z"]);
    expect(text).toContain('  </TaskService>\n  <TaskService id="z">');
  });

  test("none changes nothing", () => {
    for (const text of ["<Context/>", GOOD, "<Context></Context>"]) expect(addTaskServices(text, [])).toBe(text);
  });

  test.each(["Context-EchoAction.xml", "Context-StateMachine.xml"])("%s grows as a person would write it", (name) => {
    const text = readFileSync(new URL(`../../../conf/${name}`, import.meta.url), "utf8");
    const end = "  </TaskService>\n</Context>\n";
    const lines = addition("added").trimEnd().split("\n");

    const after = addTaskServices(text, [addition("added")]);

    expect(text.endsWith(end)).toBe(true);
    expect(after).toBe(
      `${text.slice(0, -end.length)}  </TaskService>\n\n${lines.map((line) => `  ${line}\n`).join("")}</Context>\n`,
    );
  });
});

// --- any file ----------------------------------------------------------------------------------------------------------

const oneOf = fc.constantFrom;
const space = oneOf("", " ", "\n", "\r\n", "\n\n", "\r\n\r\n\t", "\n    ", "\n\t", "\r");
const trap = oneOf(
  "<!-- </Context> -->",
  "<!-- <TaskService id='no'> 😀 -->",
  "<?note </Context> don't?>",
  "<!---->",
  "<?q?>",
);
const filling = fc.array(fc.oneof(space, trap), { maxLength: 4 }).map((parts) => parts.join(""));
const described = oneOf(
  "",
  "<![CDATA[</Context><TaskService>]]>",
  "😀 &lt;/Context&gt;",
  "two\r\nlines",
  "🏃‍♀️<!-- </Task> -->",
);

/** The parts of the good file, without its root. */
const SETTINGS = [...GOOD.matchAll(/^ {2}<(?:F|B|ContextID|TaskLog).*$/gm)].map(([line]) => line.trim());

/** A file, the offset of its end tag, and the ids of its tasks. */
interface Shape {
  text: string;
  end: number;
  ids: string[];
}

const shape: fc.Arbitrary<Shape> = fc
  .record({
    head: fc.tuple(oneOf("", "\uFEFF"), oneOf("", '<?xml version="1.0"?>', '<?xml version="1.0"?>\r\n'), filling),
    open: oneOf("<Context>", "<Context\n>", "<Context xmlns:xsi='😀/&gt;'\r\n >"),
    ids: fc.uniqueArray(oneOf("ts001", "b-2", "😀", "&quot;", "id_5"), { minLength: 1, maxLength: 4 }),
    between: fc.array(filling, { minLength: 11, maxLength: 11 }),
    description: described,
    indent: oneOf("", "  ", "\t", "    "),
    close: oneOf("</Context>", "</Context >", "</Context\r\n>", "</Context\t\n >"),
    tail: fc.array(fc.oneof(oneOf("\n", " ", "\r\n"), trap)).map((parts) => parts.join("")),
  })
  .map(({ head: [bom, declaration, note], open, ids, between, description, indent, close, tail }) => {
    const services = ids.map((id) => addition(id, description).trimEnd().replaceAll("\n", `\n${indent}`));
    const inside = [...SETTINGS, ...services].map((part, index) => between[index] + indent + part).join("");
    // White space before a declaration is not well-formed.
    const before = bom + declaration + (declaration === "" ? note.trimStart() : note) + open + inside + between[10];
    return { text: before + close + tail, end: before.length, ids: ids.map((id) => id.replace("&quot;", '"')) };
  });

const value = fc.string({
  unit: oneOf("x", "😀", "&#10;", "&#9;", "&#13;", "&amp;", "&lt;", "  ", "]]&gt;", "'", '"'),
});

describe("in every file", () => {
  test("the end of the root is where it is", () => {
    fc.assert(
      fc.property(shape, ({ text, end }) => {
        expect(rootEnd(text)).toEqual({ place: end, hasEndTag: true });
      }),
      { numRuns: 300 },
    );
  });

  test("everything stays as it was, and one piece comes in before the end tag", () => {
    fc.assert(
      fc.property(shape, fc.array(value, { minLength: 1, maxLength: 3 }), ({ text, end }, values) => {
        const after = addTaskServices(
          text,
          values.map((given, index) => addition(`new${index}`, given)),
        );

        const length = after.length - text.length;
        const [indent = ""] = /[ \t]*$/.exec(text.slice(0, end)) ?? [];
        const pieces = [end, end - indent.length]
          .filter((at) => after.slice(0, at) + after.slice(at + length) === text)
          .map((at) => after.slice(at, at + length));
        expect(pieces).toContainEqual(expect.stringMatching(/^\s*<TaskService [\s\S]*<\/TaskService>\s*$/));
      }),
      { numRuns: 300 },
    );
  });

  test("the tasks are the old ones, then the new ones with their very values", () => {
    const decoded = (text: string) =>
      text
        .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&amp;", "&");

    fc.assert(
      fc.property(shape, fc.array(value, { minLength: 1, maxLength: 3 }), ({ text, ids }, values) => {
        const old = parseContextConfig(text).tasks;

        const { tasks } = parseContextConfig(
          addTaskServices(
            text,
            values.map((given, index) => addition(`new${index}`, given, given)),
          ),
        );

        expect(old.map(({ id }) => id)).toEqual(ids);
        expect(tasks.slice(0, old.length)).toEqual(old);
        expect(
          tasks.slice(old.length).map(({ id, description, configuration }) => ({ id, description, configuration })),
        ).toEqual(
          values.map(decoded).map((given, index) => ({
            id: `new${index}`,
            description: given.trim(),
            configuration: { device_action: given.trim() },
          })),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("what has been added is found again", () => {
    const empty = goodBut(GOOD.slice(GOOD.indexOf("  <TaskService"), GOOD.indexOf("</Context>")), "");

    expect(tasksIn(addTaskServices(empty, [addition("a"), addition("b")]))).toEqual([
      { id: "a", instance: "Added", serviceType: "Process", location: "" },
      { id: "b", instance: "Added", serviceType: "Process", location: "" },
    ]);
  });
});
