// A provider that runs takes over what `context-hub install` brings, and keeps what it has where that is no good.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { archiveOf } from "../support/archives.ts";
import { addArchive, HUB_KEYS, publish } from "../support/catalogue.ts";
import { run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

/** A thermometer that says its version, or does not load. */
function archive(version: string, fault = ""): Buffer {
  const text = `import { defineService, defineTask } from "zcontext/tasks";
${fault}
const task = defineTask({
  kind: "looped",
  async run(scope) {
    console.log("version ${version}");
    await scope.sleep(1e9);
  },
});
export default defineService({ name: "thermometer", description: "Measures", task });
`;
  return archiveOf([{ path: "main.mjs", text }]);
}

test("a version that is good takes the place of the one before, and one that is broken is rolled back", async () => {
  await using folder = await makeFolder({ "Context-Node.xml": contextXml([shell("own", "exec sleep 600")]) });
  await writeFile(folder.at("hub.pem"), HUB_KEYS.publicKey, { mode: 0o644 });
  const file = folder.at("Context-Node.xml");
  const words = ["--from", folder.path, "--key", folder.at("hub.pem"), "--context_file", file];
  const install = () => run("context-hub", ["install", ...words, "--json"]);
  const offer = async (catalogVersion: number, version: string, fault?: string) => {
    const service = await addArchive(folder, { version, entry: "main.mjs" }, archive(version, fault));
    await publish(folder, [service], { catalogVersion });
  };
  await using provider = startCommand("service-context", [file, "--start", "T1", "--log_format", "json"]);
  await provider.stderr.first((line) => line.includes('"msg":"running"'));

  await offer(1, "1.0.0");
  const first = await install();
  await offer(2, "1.1.0");
  const second = await install();
  await offer(3, "2.0.0", "throw new Error('no sensor');");
  const third = await install();

  expect([first, second].map(({ code }) => code)).toEqual([0, 0]);
  expect(third.code).toBe(1);
  expect(JSON.parse(third.stdout[0] ?? "")).toMatchObject({
    steps: [{ name: "thermometer", version: "2.0.0", code: "ERR_INSTALL_NOT_READY" }],
  });
  const { stdout } = await run("zcontext", ["status", "-f", file, "--transaction", "T1", "--json"]);
  const { tasks } = JSON.parse(stdout[0] ?? "{}");
  expect(tasks).toMatchObject([
    { id: "own", state: "running" },
    { id: "thermometer", state: "running" },
  ]);
  await provider.stderr.first((line) => line.includes("version 1.1.0"));
  const current = JSON.parse(await readFile(folder.at(".zcontext", "hub", "current.json"), "utf8"));
  expect(current.services).toMatchObject([{ version: "1.1.0", previous: { version: "1.0.0" } }]);
});
