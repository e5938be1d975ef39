// Whatever a description says: what is generated is code, and a context, and both say it back.
import { transformSync } from "esbuild";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISION } from "../../../src/config/context-config.ts";
import { parseServiceList, readServiceOptions } from "../../../src/config/service-list/service-list.ts";
import type { Plan } from "../../../src/generator/plan.ts";
import { GOOD_OPTIONS, goodListBut } from "../config/service-list/service-xml.ts";
import { diskAfter, listOf, planOn, service, textAt } from "./site.ts";

/** Pieces that mean something to TypeScript, XML, Handlebars or to a reader that counts lines. */
const NASTY = [
  ...["'", '"', "`", "${", "}", "$" + "{x}", "\\", "\\n", "\\u0041", "*/", "/*", "//", "</script>", "$&", "$1", "#"],
  ...["<", ">", "&", "&amp;", "&#10;", "]]>", "<![CDATA[", "<!--", "-->", "<?", "</description>", "</Context>"],
  ...["{{name}}", "{{{name}}}", "{{!-- x --}}", "{{#if x}}", "{{", "}}", "{{ts description}}", "\\{{name}}", "@@@"],
  ...["\n", "\r", "\r\n", "\t", " ", "  ", "\u0085", "\u2028", "\u2029", "\u00a0", "\ufeff", "\u007f", "\u009f"],
  ...["😀", "👩‍👩‍👧", "é", "e\u0301", "\u202e", "\ud7ff", "\ue000", "\u{10ffff}", "__proto__", "x", "1", "sha256"],
];
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...NASTY), maxLength: 12 }),
  // XML has none of the control characters but tab and line ends, and not these two.
  fc.string({ unit: "binary" }).filter((text) => !/[\ufffe\uffff]|(?![\t\n\r\u007f-\u009f])\p{Cc}/u.test(text)),
);
const filled = value.filter((text) => text.trim() !== "");
/** What an id may be: no white space, no comma. */
const id = filled
  .map((text) => text.replace(/[\s,\p{Cc}]/gu, ""))
  .filter((text) => !["", "all", "__proto__"].includes(text));

const ONE = "/project/services/One";

interface Saying {
  description: string;
  serviceName: string;
  deviceAction: string;
  entry: string;
  id: string;
  contextId: string;
}

const saying: fc.Arbitrary<Saying> = fc.record({
  description: value,
  serviceName: filled,
  deviceAction: value,
  // Words that are nearly on_start are taken for slips.
  entry: filled.map((text) => `later ${text}`),
  id,
  contextId: fc.constantFrom("context001", "a & b", "'\"<😀"),
});

/** The plan that options lead to; they trim as XML's texts are trimmed. */
function planFor({ description, serviceName, deviceAction, entry, id, contextId }: Saying, kind = "Looped"): Plan {
  const options = {
    ...GOOD_OPTIONS,
    task_service: "One",
    context_name: "Kitchen",
    task_type: kind,
    task_desc: description,
    service_name: serviceName,
    device_action: deviceAction,
    entry_action: entry,
    task_id: id,
    context_id: contextId,
    on_exit: `start ${id}, all`,
  };
  return planOn({}, readServiceOptions(options).against());
}

function scriptOf(typescript: string): string {
  return transformSync(typescript, { loader: "ts", format: "esm" }).code;
}

/** What a module exports by default, its imports being these. */
function evaluate(typescript: string, imports: { [name: string]: unknown }): unknown {
  const script = scriptOf(typescript)
    .replace(/^import .*$/gm, "")
    .replace(/export \{\s*(\w+) as default\s*\};/, "return $1;")
    .replace("export default ", "return ");
  return new Function(...Object.keys(imports), script)(...Object.values(imports));
}

describe("whatever a description says,", () => {
  test("the context says it back exactly", () => {
    fc.assert(
      fc.property(saying, (said) => {
        const { context } = planFor(said);

        expect(context.contextId).toBe(said.contextId);
        expect(context.tasks).toEqual([
          {
            id: said.id,
            instance: "One",
            topic: "process",
            serviceType: "Process",
            serviceName: said.serviceName.trim(),
            description: said.description.trim(),
            entry: said.entry.trim(),
            configuration: { device_action: said.deviceAction.trim() },
            triggers: { on_exit: { action: "start", call: [said.id, "all"] } },
            supervision: DEFAULT_SUPERVISION,
          },
        ]);
      }),
      { numRuns: NASTY.length + 30, examples: [...NASTY].map((text) => [saidEverywhere(text)]) },
    );
  });

  test("the service's code has its name and its description exactly", () => {
    fc.assert(
      fc.property(saying, (said) => {
        const code = textAt(planFor(said), `${ONE}/ServiceOne.ts`);

        const made = evaluate(code, { defineService: (definition: unknown) => definition, task: "the task" });

        expect(made).toEqual({
          name: said.serviceName.trim(),
          description: said.description.trim(),
          task: "the task",
        });
      }),
      { numRuns: NASTY.length + 30, examples: [...NASTY].map((text) => [saidEverywhere(text)]) },
    );
  });

  test("the test's code asks for the configuration exactly", () => {
    fc.assert(
      fc.property(saying, (said) => {
        const code = textAt(planFor(said), `${ONE}/One.test.ts`);

        let asked: unknown;
        evaluate(code, {
          assert: undefined,
          task: "the task",
          test: (_: string, body: () => unknown) => void body(),
          rehearse: (task: unknown, options: unknown) => {
            asked = [task, options];
            return new Promise(() => {});
          },
        });

        expect(asked).toEqual(["the task", { configuration: { device_action: said.deviceAction.trim() } }]);
      }),
      { numRuns: NASTY.length + 30, examples: [...NASTY].map((text) => [saidEverywhere(text)]) },
    );
  });

  test("every file is code, in lines that all readers count alike", () => {
    fc.assert(
      fc.property(saying, fc.constantFrom("Looped", "Single"), (said, kind) => {
        const { files } = planFor(said, kind);

        for (const { path, after } of files) {
          if (path.endsWith(".ts")) expect(() => scriptOf(after)).not.toThrow();
          expect(after).not.toMatch(/[\r\u0085\u2028\u2029]/);
        }
        expect(scriptOf(textAt({ files } as Plan, `${ONE}/index.ts`))).toContain("One.js");
      }),
      { numRuns: 40 },
    );
  });

  test("a second run finds it all as it is", () => {
    fc.assert(
      fc.property(saying, (said) => {
        const { files } = planOn(diskAfter(planFor(said)), listOf([service("One", { ...said, ...trimmed(said) })]));

        expect(files.map(({ fate }) => fate)).toEqual(["unchanged", "kept", "unchanged", "kept", "unchanged"]);
      }),
      { numRuns: 40 },
    );
  });

  test("it comes out of a list as it comes out of options", () => {
    fc.assert(
      fc.property(filled, filled, (description, serviceName) => {
        const text = goodListBut([">Shouts<", `>${inXml(description)}<`], [">echo<", `>${inXml(serviceName)}<`]);

        const [echo] = parseServiceList(text).against().services;

        expect(echo).toMatchObject({ description: description.trim(), serviceName: serviceName.trim() });
      }),
      { numRuns: 60 },
    );
  });
});

/** A text as a list may hold it: every character as a reference. */
function inXml(text: string): string {
  return text.replace(/[^A-Za-z0-9 ]/gu, (character) => `&#x${(character.codePointAt(0) ?? 0).toString(16)};`);
}

function saidEverywhere(text: string): Saying {
  const said = `a${text}b`;
  return {
    description: said,
    serviceName: said,
    deviceAction: said,
    entry: `later ${text}`,
    id: said.replace(/[\s,\p{Cc}]/gu, ""),
    contextId: "context001",
  };
}

function trimmed({ description, serviceName, deviceAction, entry }: Saying): Partial<Saying> {
  return {
    description: description.trim(),
    serviceName: serviceName.trim(),
    deviceAction: deviceAction.trim(),
    entry: entry.trim(),
  };
}

describe("a folder with a strange name", () => {
  const strange = filled.map((text) => `x${text.replaceAll("/", "")}y`);

  test("is named in the context exactly", () => {
    fc.assert(
      fc.property(strange, (folder) => {
        const { context } = planOn({}, listOf([service("One", { location: folder })]));

        expect(context.tasks[0]?.configuration).toMatchObject({ location: `../${folder}` });
      }),
      {
        numRuns: NASTY.length + 30,
        examples: NASTY.filter((text) => !text.includes("/")).map((text) => [`x${text}y`]),
      },
    );
  });

  test("is named in the command of a Python service exactly", () => {
    fc.assert(
      fc.property(strange, (folder) => {
        const { context } = planOn({}, listOf([service("One", { location: folder, language: "python" })]));

        expect(context.tasks[0]?.command).toMatchObject({
          program: "python3",
          words: [`../${folder}/One/ServiceOne.py`],
        });
      }),
      {
        numRuns: NASTY.length + 30,
        examples: NASTY.filter((text) => !text.includes("/")).map((text) => [`x${text}y`]),
      },
    );
  });
});
