import { execFileSync } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { expect, test } from "vitest";
import type { ZcontextError } from "../../src/errors.ts";
import { readEnvironment } from "../../src/launch/environment/task-environment.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

function environmentIn({ path }: Folder, envFiles: string[], environment: Record<string, string> = {}) {
  return readEnvironment({ envFiles, envRoots: [], environment }, path);
}

/** What is wrong, the details included. */
async function faultIn(folder: Folder, ...envFiles: string[]): Promise<string> {
  const error = await environmentIn(folder, envFiles).then(
    () => expect.fail("it was read"),
    (error: ZcontextError) => error,
  );
  expect(error).toMatchObject({ name: "ZcontextError", code: "ERR_ENVIRONMENT_INVALID" });
  return [error.message, ...error.details].join("\n");
}

test("a task without env files is given the variables of its context file, and nothing else", async () => {
  await using folder = await makeFolder({ ".env": "STRAY=1" });

  expect(await environmentIn(folder, [], { A: "1" })).toEqual({ A: "1" });
  expect(await environmentIn(folder, [])).toEqual({});
});

test("a later env file wins over an earlier one, and the context file over both", async () => {
  await using folder = await makeFolder({
    "first.env": "A=first\nB=first\nC=first\n",
    "more/second.env": "B=second\nC=second\n",
  });

  expect(await environmentIn(folder, ["first.env", "more/second.env"], { C: "own" })).toEqual({
    A: "first",
    B: "second",
    C: "own",
  });
});

test("an env file is read anew each time: what has changed counts, and what was removed is gone", async () => {
  await using folder = await makeFolder({ ".env": "A=1\nB=1" });
  expect(await environmentIn(folder, [".env"])).toEqual({ A: "1", B: "1" });

  await writeFile(folder.at(".env"), "A=2");

  expect(await environmentIn(folder, [".env"])).toEqual({ A: "2" });
});

test("a variable of any name is a variable, and no prototype", async () => {
  await using folder = await makeFolder({ ".env": "__proto__=1\nconstructor=2" });

  const environment = await environmentIn(folder, [".env"]);

  expect(Object.getPrototypeOf(environment)).toBe(Object.prototype);
  expect(Object.entries(environment)).toEqual([
    ["__proto__", "1"],
    ["constructor", "2"],
  ]);
});

test("an env file that is not there is named", async () => {
  await using folder = await makeFolder();

  expect(await faultIn(folder, "missing.env")).toContain(
    `env_file ${folder.at("missing.env")}: there is no such file or folder`,
  );
});

test("a folder is no env file, and neither is a named pipe", async () => {
  await using folder = await makeFolder({ "env.d/a.env": "A=1" });
  execFileSync("mkfifo", [folder.at("pipe.env")]);

  expect(await faultIn(folder, "env.d")).toBe(`env_file ${folder.at("env.d")} is not a file`);
  expect(await faultIn(folder, "pipe.env")).toBe(`env_file ${folder.at("pipe.env")} is not a file`);
});

test("all problems of an env file are told with their lines, and no value is", async () => {
  await using folder = await makeFolder({ ".env": "TOKEN=sesame\nsesame\n2X=sesame\nZCONTEXT_COOKIE=sesame" });

  const fault = await faultIn(folder, ".env");

  for (const line of [".env:2:", ".env:3:", ".env:4:"]) expect(fault).toContain(line);
  expect(fault).not.toContain("sesame");
});

test("an env file outside of the folder is refused, whichever way leads there", async () => {
  await using folder = await makeFolder({ "inside/inside.env": "A=1" });
  await using outside = await makeFolder({ ".env": "SECRET=sesame" });
  await symlink(outside.at(".env"), folder.at("link.env"));
  await symlink(outside.path, folder.at("linked"));

  const ways = [
    "link.env",
    "linked/.env",
    "inside/../link.env",
    outside.at(".env"),
    relative(folder.path, outside.at(".env")),
  ];
  for (const way of ways) {
    const fault = await faultIn(folder, way);
    expect(fault).toContain("leads out of the folder of the context file");
    expect(fault).not.toContain("sesame");
  }
});

test("a link that stays inside is an env file like any other", async () => {
  await using folder = await makeFolder({ "real/one.env": "A=1" });
  await symlink(folder.at("real/one.env"), folder.at("link.env"));
  await symlink(folder.at("real"), folder.at("linked"));

  expect(await environmentIn(folder, ["link.env", "linked/one.env"])).toEqual({ A: "1" });
});

test("the folder of the context file may itself be reached by a link", async () => {
  await using folder = await makeFolder({ "real/.env": "A=1" });
  await symlink(folder.at("real"), folder.at("linked"));

  expect(await readEnvironment({ envFiles: [".env"], envRoots: [], environment: {} }, folder.at("linked"))).toEqual({
    A: "1",
  });
});

test("a variable that the system does not take is named, and not its value", async () => {
  await using folder = await makeFolder({ ".env": `SHORT=1\nTABLE=${"x".repeat(131_066)}\n` });

  const fault = await faultIn(folder, ".env");

  expect(fault).toBe(`env_file ${folder.at(".env")}, TABLE: expected at most 131071 bytes, got 131072`);
});
