import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { assertFile, readContextFile } from "../../tools/context-file.ts";
import { makeFolder } from "../support/folder.ts";
import { GOOD, goodBut } from "../unit/config/context-xml.ts";

test("a context file is read with whatever UTF-8 can say", async () => {
  await using folder = await makeFolder();
  const file = await folder.write("Context-Test.xml", `\uFEFF${goodBut("Shouts", "Crie: café \u{1f60a}")}`);

  const { tasks } = await readContextFile(file);

  expect(tasks[0]).toMatchObject({ id: "ts001", description: "Crie: café \u{1f60a}" });
});

test.each([
  ["Latin-1", Buffer.from(goodBut("Shouts", "Crie: café"), "latin1")],
  ["UTF-16", Buffer.from(`\uFEFF${GOOD}`, "utf16le")],
])("a context file in %s is refused: nothing in it is replaced silently", async (_, bytes) => {
  await using folder = await makeFolder();
  const file = folder.at("Context-Test.xml");
  await writeFile(file, bytes);

  await expect(readContextFile(file)).rejects.toMatchObject({
    code: "ERR_CONFIG_UNREADABLE",
    message: `cannot read the context file ${file}: expected UTF-8 text, got other bytes`,
    hint: expect.stringContaining("saved as UTF-8"),
  });
});

test("a context file that is a pipe is not waited for", async () => {
  await using folder = await makeFolder();
  const file = folder.at("Context-Test.xml");
  execFileSync("mkfifo", [file]);

  await expect(assertFile(file)).rejects.toMatchObject({
    code: "ERR_CONFIG_UNREADABLE",
    message: `cannot read the context file ${file}: it is not a file`,
  });
});
