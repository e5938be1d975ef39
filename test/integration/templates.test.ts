// Templates of the user's own, in a folder of theirs.
import { describe, expect, test } from "vitest";
import type { ZcontextError } from "../../src/errors.ts";
import { openTemplates, TEMPLATES } from "../../src/generator/render.ts";
import { makeFolder } from "../support/folder.ts";
import { CONTEXT_FILE, type Disk, listOf, planOn, service, textAt } from "../unit/generator/site.ts";

function errorOf(run: () => unknown): ZcontextError {
  try {
    run();
  } catch (error) {
    return error as ZcontextError;
  }
  throw new Error("nothing was thrown");
}

/** What a folder with these templates makes of one service. */
async function planWith(files: { [name: string]: string }, disk: Disk = {}) {
  await using folder = await makeFolder(files);
  const templates = openTemplates(folder.path);
  const list = listOf([service("Echo", { description: 'a "b" & c', deviceAction: "x\ny" })]);
  return planOn(disk, list, { templates });
}

/** What comes of a task's template, or why nothing does. */
async function filled(template: string): Promise<string> {
  await using folder = await makeFolder({ "task-looped.ts.hbs": template });
  const templates = openTemplates(folder.path);
  const data = service("Echo", { description: 'a "b" & c', deviceAction: "x\ny" });
  try {
    return templates.render("task-looped.ts.hbs", data);
  } catch (error) {
    const { code, message } = error as ZcontextError;
    return `${code} ${message.replace(`${folder.path}/`, "")}`;
  }
}

describe("a folder of templates", () => {
  test("replaces those of the same name, and no others", async () => {
    await using folder = await makeFolder({ "index.ts.hbs": "// {{name}}\n", "readme.md": "{{nothing}}" });
    const templates = openTemplates(folder.path);

    expect(TEMPLATES.filter((name) => templates.isOwn(name))).toEqual(["index.ts.hbs"]);
    expect(templates.render("index.ts.hbs", service("Echo"))).toBe("// Echo\n");
    expect(templates.render("service.ts.hbs", service("Echo"))).toContain("defineService");
  });

  test("still gets the header with the hash where the file is ours", async () => {
    const plan = await planWith({ "index.ts.hbs": "// mine\n", "test.ts.hbs": "// {{comment deviceAction}}\n" });

    expect(textAt(plan, "/project/services/Echo/index.ts")).toMatch(
      /^\/\/ Written by create-service; .*\n\/\/ mine\n$/,
    );
    expect(textAt(plan, "/project/services/Echo/Echo.test.ts")).toBe("// x y\n");
  });

  test("has helpers that write a value as each language does", async () => {
    expect(await filled("{{ts description}} {{py description}} {{xml description}}")).toBe(
      String.raw`"a \"b\" & c" "a \"b\" & c" a "b" &amp; c`,
    );
    expect(await filled("{{ts deviceAction}} {{attribute description}} {{comment deviceAction}}")).toBe(
      String.raw`"x\ny" a &quot;b&quot; &amp; c x y`,
    );
    expect(await filled("{{xml deviceAction}} {{description}}")).toBe('x&#10;y a "b" & c');
  });

  test("may ask whether there is a value, with what Handlebars has for it", async () => {
    expect(await filled("{{#if location}}at {{location}}{{else}}here{{/if}} {{#with this}}{{id}}{{/with}}")).toBe(
      "here id_of_Echo",
    );
  });

  test("that is not there is refused", () => {
    const error = errorOf(() => openTemplates("/nowhere/templates"));

    expect(error).toMatchObject({ code: "ERR_TEMPLATE_INVALID" });
    expect(error.message).toMatch(/^cannot read the templates of \/nowhere\/templates: ENOENT/);
  });

  test("that is a file is refused", async () => {
    await using folder = await makeFolder({ "index.ts.hbs": "" });

    expect(errorOf(() => openTemplates(folder.at("index.ts.hbs"))).message).toMatch(/^cannot read .*: ENOTDIR/);
  });

  test("without any template is refused", async () => {
    await using folder = await makeFolder({ "readme.md": "" });

    expect(errorOf(() => openTemplates(folder.path))).toMatchObject({
      code: "ERR_TEMPLATE_INVALID",
      message: `${folder.path}: expected templates that replace ours, got no template at all`,
    });
  });

  test("with names that replace nothing is refused, naming them", async () => {
    await using folder = await makeFolder({ "index.ts.hbs": "", "servce.ts.hbs": "", "other.hbs": "" });

    const error = errorOf(() => openTemplates(folder.path));

    expect(error.code).toBe("ERR_TEMPLATE_INVALID");
    expect(error.message).toContain('servce.ts.hbs; did you mean "service.ts.hbs"?');
    expect(error.message).toContain("other.hbs");
    expect(error.message).not.toContain("index.ts.hbs");
    expect(error.hint).toContain("task-looped.py.hbs");
  });

  test("with a folder where a template belongs is refused", async () => {
    await using folder = await makeFolder({ "index.ts.hbs/readme.md": "" });

    expect(errorOf(() => openTemplates(folder.path).render("index.ts.hbs", {}))).toMatchObject({
      code: "ERR_TEMPLATE_INVALID",
      message: expect.stringContaining("index.ts.hbs: EISDIR"),
    });
  });
});

describe("a template", () => {
  const none =
    "is not a value here; there are name, className, kind, listens, serves, actions, consumes, protocol, isCustom, language";
  test.each([
    ["asks for an unknown value", "a\n{{nme}}", '"nme" not defined in [object Object] - 2:2'],
    ["asks for one in a helper", "{{ts nme}}", `"nme" ${none}`],
    ["asks whether there is one", "{{#if nme}}a{{/if}}", `"nme" ${none}`],
    ["asks for each of one", "{{#each nme}}a{{/each}}", `"nme" ${none}`],
    ["asks for a part of a text", "{{ts name.first}}", "{{ts …}}: expected a text, got nothing"],
    ["asks for an unknown helper", "{{json name}}", '"json" not defined in [object Object] - 1:2'],
    ["gives a helper nothing", "{{ts}}", "{{ts …}}: expected a text, got a value of type object"],
    ["gives a helper what is no text", "{{xml triggers}}", "{{xml …}}: expected a text, got a value of type object"],
    ["gives a helper a value that is not there", "{{xml location}}", "{{xml …}}: expected a text, got nothing"],
    ["asks for another template", "{{> header}}", "The partial header could not be found"],
    ["is broken off", "a\n{{#if name}}", "Parse error on line 2:"],
    ["closes what is not open", "{{#if name}}{{/each}}", "if doesn't match each - 1:3"],
  ])("that %s is refused with its name", async (_, template, reason) => {
    expect(await filled(template)).toContain(`ERR_TEMPLATE_INVALID task-looped.ts.hbs: ${reason}`);
  });

  test.each([
    ["context.xml.hbs", "<Context>"],
    ["context.xml.hbs", "<Contexts></Contexts>"],
    ["context.xml.hbs", "<Context><TaskLogName>{{xml contextName}}</TaskLogName></Context>"],
    ["task-service.xml.hbs", "<TaskService id='{{id}}'></TaskService>"],
    ["task-service.xml.hbs", "<TaskService><description>{{description}}</TaskService>"],
    ["task-service.xml.hbs", ""],
  ])("%s that makes no context is refused with its name and the problems: %s", async (name, template) => {
    const error = await planWith({ [name]: template }).catch((thrown: ZcontextError) => thrown);

    expect(error).toMatchObject({ code: "ERR_TEMPLATE_INVALID" });
    expect((error as ZcontextError).message).toContain(name);
    expect((error as ZcontextError).details).not.toEqual([]);
  });

  test("that makes no context is refused, and not the context that it would be added to", async () => {
    const fine = textAt(await planWith({ "index.ts.hbs": "" }), CONTEXT_FILE).replace(/id="\w+"/, 'id="a"');
    const disk = { [CONTEXT_FILE]: fine.replace(/instance="\w+"/, 'instance="A"') };

    const error = await planWith({ "task-service.xml.hbs": "<TaskService/>" }, disk).catch((thrown: Error) => thrown);

    expect(error).toMatchObject({ code: "ERR_TEMPLATE_INVALID" });
  });

  test("is not blamed for a context with problems of its own", async () => {
    const disk = { [CONTEXT_FILE]: "<Context/>" };

    const error = await planWith({ "task-looped.ts.hbs": "", "context.xml.hbs": "" }, disk).catch((thrown) => thrown);

    expect(error).toMatchObject({ code: "ERR_CONFIG_INVALID" });
  });
});
