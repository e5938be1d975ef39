// The verbs of `zcontext` that command and watch, as a user types them.
import { expect, test } from "vitest";
import { finish, run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const SLEEPS = shell("ts_1", "exec sleep 1000000");

test("start, status, monitor, restart, stop and exit do what the commands of the original do", async () => {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([SLEEPS]) });
  const file = folder.at("Context-Test.xml");
  await using provider = startCommand("service-context", [file]);
  await provider.stderr.first((line) => line.includes("provider ready"));
  const verb = (name: string, ...words: string[]) => run("zcontext", [name, "-f", file, ...words]);
  const statesIn = ({ stdout }: { stdout: string[] }) => JSON.parse(stdout.join("")).tasks;

  expect(statesIn(await verb("start", "--transaction", "T1", "--json"))).toMatchObject([
    { id: "ts_1", state: "running" },
  ]);
  expect(statesIn(await verb("restart", "--task_id", "ts_1", "--json"))).toMatchObject([
    { id: "ts_1", state: "running" },
  ]);
  const asked = await run("conf-command", ["--action", "request", "--context_file", file]);
  expect(await verb("status")).toEqual(asked);
  expect((await verb("monitor", "--once")).stdout[1]).toMatch(/^ts_1 .* running /);
  expect(statesIn(await verb("stop", "--json"))).toMatchObject([{ state: "stopped" }]);
  expect((await verb("exit")).code).toBe(0);
  expect((await finish(provider)).code).toBe(0);
});

test("run starts the tasks of the only file of its folder, and bus finds the context that runs", async () => {
  await using folder = await makeFolder({ "conf/Context-Test.xml": contextXml([SLEEPS]) });
  await using provider = startCommand("zcontext", ["run", "--transaction", "T1"], { cwd: folder.path });
  await provider.stderr.first((line) => / ts_1 +running /.test(line));

  const asked = await run("context-bus", ["url", "--context_file", folder.at("conf", "Context-Test.xml")]);
  expect(await run("zcontext", ["bus", "url", "-f", folder.at("conf", "Context-Test.xml")])).toEqual(asked);
  expect(provider.stdout.all).toEqual(["transaction T1"]);
  provider.signal("SIGTERM");
  expect((await finish(provider)).code).toBe(0);
});

test("a verb of another supervisor is no verb, and the one that is meant is named", async () => {
  const { code, stderr } = await run("zcontext", ["monit"]);

  expect(code).toBe(2);
  expect(stderr.join("\n")).toContain("`zcontext monitor` is probably meant");
});

test("a start without a provider says that there is none", async () => {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([SLEEPS]) });

  const { code, stderr } = await run("zcontext", ["start", "-f", folder.at("Context-Test.xml"), "--timeout", "0.5"]);

  expect(code).toBe(1);
  expect(stderr.join("\n")).toContain("ERR_PROVIDER_UNREACHABLE");
});
