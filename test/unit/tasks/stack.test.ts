import { expect, test } from "vitest";
import { ownPartOf, placeIn } from "../../../src/tasks/stack.ts";

const THROWN = `TypeError: no sensor
    at boom (/srv/app/deep.ts:4:9)
    at file:///srv/a%20b/ServiceEcho.mjs:6:18
    at ModuleJob.run (node:internal/modules/esm/module_job:325:25)
    at async ModuleLoader.import (node:internal/modules/esm/loader:606:24)
    at async loadService (/srv/zcontext/src/tasks/load-service.ts:28:14)`;

test("a stack ends where the module was loaded", () => {
  expect(ownPartOf(THROWN)).toBe(`TypeError: no sensor
    at boom (/srv/app/deep.ts:4:9)
    at file:///srv/a%20b/ServiceEcho.mjs:6:18`);
});

test("frames of Node among those of the user are left out, and what the user's code has called stays", () => {
  const stack = `Error: gone
    at readFileSync (node:fs:448:20)
    at read (/srv/app/a.cjs:3:1)
    at require (node:internal/modules/helpers:182:18)
    at Object.<anonymous> (/srv/app/b.cjs:1:1)
    at Module._compile (node:internal/modules/cjs/loader:1521:14)
    at load (/srv/zcontext/main.cjs:1:1)`;

  expect(ownPartOf(stack).split("\n")).toEqual([
    "Error: gone",
    "    at read (/srv/app/a.cjs:3:1)",
    "    at Object.<anonymous> (/srv/app/b.cjs:1:1)",
  ]);
});

test.each([
  ["of the innermost frame", THROWN, "/srv/app/deep.ts:4:9"],
  ["of a URL, as a path", THROWN.replace(/\n.*boom.*/, ""), "/srv/a b/ServiceEcho.mjs:6:18"],
  ["above a syntax error", "file:///srv/a%23b/S.mjs:2\nimport x;\n  ^\nSyntaxError: no", "/srv/a#b/S.mjs:2"],
  ["with brackets in it", "Error: no\n    at f (/srv/(old) app/a.ts:4:9)", "/srv/(old) app/a.ts:4:9"],
])("the place is that %s", (_which, stack, place) => {
  expect(placeIn(stack)).toBe(place);
});

test.each([
  [
    "a stack with frames of Node alone",
    "Error: no\n    at load (node:internal/modules/esm/loader:1:2)\n    at x (/srv/z.cjs:1:1)",
  ],
  ["an error without a stack", "Error: no"],
])("%s has no place", (_which, stack) => {
  expect(placeIn(stack)).toBeUndefined();
});
