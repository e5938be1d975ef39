import { describe, expect, test } from "vitest";
import { EVERYDAY, hintFor } from "../../../../tools/zcontext/everyday.ts";

const VERBS = ["run", "status", "list", "logs", "exit", "check"];

describe("a word that is no verb", () => {
  test.each([
    ["ps", "status"],
    ["PS", "status"],
    ["ls", "list"],
    ["up", "run"],
    ["logz", "logs"],
    ["tail", "logs"],
  ])("%s leads to %s", (word, verb) => {
    expect(hintFor(word, VERBS)).toContain(`\`zcontext ${verb}\``);
  });

  test("that is a file leads to run", () => {
    expect(hintFor("conf/Context-Shop.xml", VERBS)).toContain("`zcontext run conf/Context-Shop.xml`");
  });

  test("that nothing is near lists the verbs", () => {
    expect(hintFor("frobnicate", VERBS)).toBe("There are run, status, list, logs, exit, check.");
  });
});

test.each([
  ...["zcontext new", "--since yesterday", "zcontext why", "install-unit", "PID 1", "env_file", "rotation", "ssh"],
  ...["completion", "several contexts", "upgrade", "instances=", "user=", "--schedule", "--watch", "--daemon"],
])("the table of everyday jobs has %s", (word) => {
  expect(EVERYDAY).toContain(word);
});

test("the table of everyday jobs fits a terminal of 120 columns", () => {
  expect(EVERYDAY.split("\n").filter((line) => line.length > 120)).toEqual([]);
});
