// The code of docs/service-code.md and docs/messaging.md compiles, with the same strict options as src.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeFolder } from "../support/folder.ts";
import { blocksOf, readDocument } from "../support/readme.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** By path, which the first line of each block has. */
function codeOf(document: string): { [path: string]: string } {
  return Object.fromEntries(
    blocksOf(readDocument(document))
      .filter(({ language, lines: [first = ""] }) => language === "ts" && first.startsWith("// services/"))
      .map(({ lines: [path = "", ...code] }) => [path.replace(/^\/\/ ([^\s:]+).*/, "$1"), code.join("\n")]),
  );
}

const CODE = codeOf("docs/service-code.md");

/** What the compiler prints for these files. */
async function errorsIn(files: { [path: string]: string }): Promise<string> {
  const tsconfig = {
    extends: `${REPOSITORY}tsconfig.json`,
    compilerOptions: {
      paths: {
        "zcontext/tasks": [`${REPOSITORY}src/tasks/define.ts`],
        "zcontext/testing": [`${REPOSITORY}src/tasks/rehearsal/rehearse.ts`],
      },
      typeRoots: [`${REPOSITORY}node_modules/@types`],
    },
    include: ["services"],
  };
  await using folder = await makeFolder({
    ...files,
    "package.json": `{ "type": "module" }`,
    "tsconfig.json": JSON.stringify(tsconfig),
  });
  const compiler = `${REPOSITORY}node_modules/typescript/bin/tsc`;
  return spawnSync(process.execPath, [compiler, "--noEmit", "-p", folder.path], { encoding: "utf8" }).stdout;
}

test("the code of docs/service-code.md has no type error", async () => {
  expect(Object.keys(CODE)).toEqual([
    "services/Thermometer/ServiceThermometer.ts",
    "services/Thermometer/Thermometer.ts",
    "services/Thermometer/Thermometer.test.ts",
  ]);
  expect(await errorsIn(CODE)).toBe("");
});

test("that of docs/messaging.md has none either", async () => {
  const code = codeOf("docs/messaging.md");

  expect(Object.keys(code)).toEqual(["services/Billing/Billing.ts", "services/Billing/Billing.test.ts"]);
  expect(await errorsIn(code)).toBe("");
});

test("a type error in it would be found", async () => {
  const wrong = Object.entries(CODE).map(([path, code]) => [path, code.replace("scope.update(", "scope.updat(")]);

  expect(await errorsIn(Object.fromEntries(wrong))).toMatch(/Thermometer\.ts\(\d+,\d+\): error TS\d+: .*'updat'/);
});
