import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../../src/config/context-config.ts";
import { idsMeant } from "../../../src/config/instances.ts";
import { contextXml, shell, type TaskXml } from "../../support/context.ts";

/** Two task services; the first stands for so many tasks. */
function configOf(instances: string, but: Partial<TaskXml> = {}, other: Partial<TaskXml> = {}) {
  const xml = contextXml([
    { ...shell("web", "true"), triggers: { on_fail: "restart web", on_exit: "start job" }, ...but },
    { ...shell("job", "true"), triggers: { on_update: "stop web", on_exit: "restart web.2" }, ...other },
  ]);
  return parseContextConfig(xml.replace('id="web"', `id="web" instances="${instances}"`));
}

const problemsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
    return [];
  } catch (error) {
    return (error as { details: string[] }).details;
  }
};

describe("a TaskService with instances", () => {
  test("is several tasks, which know what they are of", () => {
    const { tasks } = configOf("3");

    expect(tasks.map(({ id, instanceOf }) => [id, instanceOf])).toEqual([
      ["web.1", { id: "web", number: 1 }],
      ["web.2", { id: "web", number: 2 }],
      ["web.3", { id: "web", number: 3 }],
      ["job", undefined],
    ]);
  });

  test("means all of them to others, and in its own triggers the one that fires", () => {
    const { tasks } = configOf("2", {}, { supervision: { depends_on: "web" } });
    const [first, second, job] = tasks;

    expect(first?.triggers.on_fail).toEqual({ action: "restart", call: ["web.1"] });
    expect(second?.triggers.on_fail).toEqual({ action: "restart", call: ["web.2"] });
    expect(job?.triggers.on_update).toEqual({ action: "stop", call: ["web.1", "web.2"] });
    expect(job?.triggers.on_exit).toEqual({ action: "restart", call: ["web.2"] });
    expect(job?.supervision.dependsOn).toEqual(["web.1", "web.2"]);
  });

  test("is numbered even if it is one, so that a second one leaves the first alone", () => {
    const one = configOf("1", {}, { triggers: {} });

    expect(one.tasks[0]?.id).toBe("web.1");
    expect(one.tasks[0]).toEqual(configOf("2").tasks[0]);
  });

  test("may be two hundred", () => {
    expect(configOf("200").tasks).toHaveLength(201);
  });

  test.each(["0", "501", "two", "-1"])("can't be %s", (instances) => {
    expect(problemsOf(() => configOf(instances, {}, { triggers: {} }))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^context.xml:\\d+:\\d+: TaskService web, instances: expected a whole number from 1 to 500, got "${instances}"$`,
        ),
      ),
    ]);
  });

  test("can't depend on itself, nor in a circle", () => {
    const own = problemsOf(() => configOf("2", { supervision: { depends_on: "web.2" } }));
    const circle = problemsOf(() =>
      configOf("2", { supervision: { depends_on: "job" } }, { supervision: { depends_on: "web" } }),
    );

    expect(own.join()).toContain('expected other tasks, got "web.2" itself');
    expect(circle.join()).toContain("a cycle: ");
  });

  test("can't share an id with another task", () => {
    const xml = contextXml([shell("web", "true"), shell("web.1", "true")]).replace(
      'id="web"',
      'id="web" instances="1"',
    );

    expect(problemsOf(() => parseContextConfig(xml)).join()).toContain('expected an id of its own, got "web.1" again');
  });
});

test("the id of a TaskService stands for its tasks, and any other for itself", () => {
  const { tasks } = configOf("2");

  expect(idsMeant(["web", "job", "web.2", "other"], tasks)).toEqual(["web.1", "web.2", "job", "other"]);
});
