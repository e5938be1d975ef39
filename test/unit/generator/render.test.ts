import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../src/errors.ts";
import { pythonHandlersOf } from "../../../src/generator/python-names.ts";
import { openTemplates, TEMPLATES } from "../../../src/generator/render.ts";
import { service, templates } from "./site.ts";

test("every template there is has its name in the list, and there are no others", () => {
  const names = readdirSync(new URL("../../../templates/", import.meta.url));

  expect(names.toSorted()).toEqual([...TEMPLATES].toSorted());
});

describe("our templates", () => {
  test("are none of the user's", () => {
    expect(TEMPLATES.filter((name) => openTemplates().isOwn(name))).toEqual([]);
  });

  test.each(["service.ts.hbs", "index.ts.hbs", "service.py.hbs"] as const)("need what they ask for: %s", (name) => {
    let error: unknown;
    try {
      templates.render(name, { name: "Echo" });
    } catch (thrown) {
      error = thrown;
    }

    expect(error).toBeInstanceOf(ZcontextError);
    expect(error).toMatchObject({ code: "ERR_TEMPLATE_INVALID" });
    expect((error as ZcontextError).message).toMatch(new RegExp(`${name}: "(className|serviceName|id)" `));
  });

  test("end with one line end, and have no white space before any", () => {
    const handlers = {
      listens: ["orders.created"],
      serves: ["get_invoice"],
      actions: ["SendEmail"],
      consumes: ["queue_1"],
      isCustom: true,
    };
    const listed = service("Echo", handlers);
    const echo = { ...listed, isLooped: true, hasActions: true, python: pythonHandlersOf(listed) };
    const code = TEMPLATES.filter((name) => !name.includes(".xml.")).map((name) => templates.render(name, echo));

    for (const text of code) {
      expect(text).toMatch(/\S\n$/);
      expect(text).not.toMatch(/[ \t]\n/);
    }
  });

  test("never read a value as a template", () => {
    const text = templates.render(
      "service.ts.hbs",
      service("Echo", { description: "{{name}} {{{name}}} {{#if name}}" }),
    );

    expect(text).toContain('description: "{{name}} {{{name}}} {{#if name}}"');
  });

  test("leave the data as it was", () => {
    fc.assert(
      fc.property(fc.string(), (description) => {
        const data = service("Echo", { description });
        const copy = structuredClone(data);

        templates.render("service.ts.hbs", data);

        expect(data).toEqual(copy);
      }),
      { numRuns: 20 },
    );
  });
});
