// What commands do when they find no provider of their file, and another process is where the file says.
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { finish, programOf, run, startProgram } from "../support/command.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { type ProviderProcess, startProvider } from "../support/provider.ts";

leaveNoProcess();

const FILE = "Context-Test.xml";
const sleeper: TaskXml = {
  ...{ id: "ts001", instance: "Sleeper", serviceType: "Executable" },
  ...{ command: "sleep", arguments: ["600"] },
};

async function startSleeper(): Promise<ProviderProcess> {
  await using folder = await makeFolder({ [FILE]: contextXml([sleeper]) });
  const provider = await startProvider(folder.at(FILE), "--start", "T1");
  await provider.log.first(({ msg }) => msg === "running");
  return provider;
}

/** The text of a context file with the same task and the ports of that provider. */
function withPortsOf({ endpoints: { publish, subscribe } }: ProviderProcess): string {
  return contextXml([sleeper])
    .replace(/(<(?:FrontEndEndpoint|BackendBind)>)[^<]*/g, `$1${subscribe}`)
    .replace(/(<(?:BackendEndpoint|FrontBind)>)[^<]*/g, `$1${publish}`);
}

/** A folder with such a file, as another container may have it. */
function makeNamesake(provider: ProviderProcess): Promise<Folder> {
  return makeFolder({ [FILE]: withPortsOf(provider) });
}

const EXIT =
  '{"header":{"action":"exit","service_name":"context","service_id":"","service_transaction":""},"content":{}}';

test.each([
  ["start", ["--action", "start", "--new"]],
  ["stop", ["--action", "stop", "--transaction", "T1"]],
  ["stop without a transaction", ["--action", "stop"]],
  ["restart", ["--action", "restart", "--transaction", "T1", "--no-wait"]],
  ["exit", ["--action", "exit"]],
  ["message of the caller's own", ["--topic", "context", "--content", EXIT]],
])("a %s does not reach the provider of another file", async (_, words) => {
  await using provider = await startSleeper();
  await using folder = await makeNamesake(provider);
  const before = provider.log.all.length;

  const { code, stdout, stderr } = await run("conf-command", ["--context_file", folder.at(FILE), ...words]);
  const asked = await run("conf-command", ["--context_file", folder.at(FILE), "--action", "request", "--json"]);

  expect({ code, stdout }).toEqual({ code: 1, stdout: [] });
  expect(stderr[1]).toMatch(`runs another file, ${provider.file}; nothing was sent to it (ERR_CONTEXT_MISMATCH)`);
  expect(asked.code).toBe(0);
  expect(asked.stderr[0]).toMatch(/^warning: no provider on this machine runs /);
  expect(JSON.parse(asked.stdout.join("\n")).tasks).toMatchObject([{ id: "ts001", state: "running" }]);
  expect(provider.log.all.slice(before)).toEqual([]);
});

test("a provider that is named by its endpoints is commanded, whichever file it runs", async () => {
  await using provider = await startSleeper();
  await using folder = await makeNamesake(provider);
  const { publish, subscribe } = provider.endpoints;

  const { code, stderr } = await run("conf-command", [
    ...["--context_file", folder.at(FILE), "--endpoint", publish, "--subscribe_endpoint", subscribe],
    ...["--action", "stop", "--transaction", "T1"],
  ]);

  expect({ code, stderr }).toEqual({ code: 0, stderr: [] });
});

/** A mount namespace without the run folders of this machine's users. */
const APART = ["-m", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$0" "$@"'];

describe.skipIf(spawnSync("unshare", [...APART, "true"]).status !== 0)("where unshare can make namespaces,", () => {
  test("a provider that can't be found, and that runs the file, is commanded", async () => {
    await using folder = await makeFolder({ [FILE]: contextXml([sleeper]) });
    await using first = await startProvider(folder.at(FILE), "--start", "T1");
    await first.log.first(({ msg }) => msg === "running");
    // The ports that the system has chosen, in its file from now on.
    await writeFile(first.file, withPortsOf(first));
    const words = [programOf("conf-command"), "--context_file", first.file, "--action", "stop", "--transaction", "T1"];

    const { code, stderr } = await finish(startProgram("unshare", [...APART, process.execPath, ...words]));

    expect({ code, warning: stderr[0] }).toEqual({ code: 0, warning: expect.stringMatching("as the file says$") });
  });
});
