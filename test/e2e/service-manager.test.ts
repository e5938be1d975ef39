// A provider as systemd sees it: the unit that is written for it, and what it says while it runs.
import { chmod, readFile } from "node:fs/promises";
import { delimiter } from "node:path";
import { expect, test } from "vitest";
import { finish, programOf, run, startCommand } from "../support/command.ts";
import { contextXml, shell } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const LOOKS = shell("ts_1", "env | grep -c -e NOTIFY_SOCKET -e WATCHDOG_; exec sleep 1000000");

test("a provider says that it is ready, that it lives and that it leaves, and its tasks can't", async () => {
  await using folder = await makeFolder({
    "Context-Test.xml": contextXml([LOOKS]),
    "bin/systemd-notify": '#!/bin/sh\nfor word in "$@"; do echo "$word"; done >> "$TOLD"\n',
  });
  await chmod(folder.at("bin", "systemd-notify"), 0o755);
  const env = {
    ...{ PATH: `${folder.at("bin")}${delimiter}${process.env.PATH}`, TOLD: folder.at("told") },
    ...{ NOTIFY_SOCKET: folder.at("socket"), WATCHDOG_USEC: "200000" },
  };
  await using provider = startCommand("service-context", [folder.at("Context-Test.xml"), "--start"], { env });
  await provider.stderr.first((line) => / ts_1 +running /.test(line));

  provider.signal("SIGTERM");

  expect((await finish(provider)).code).toBe(0);
  const told = (await readFile(folder.at("told"), "utf8")).trimEnd().split("\n");
  expect(told).toContain("WATCHDOG=1");
  const others = told.filter((word) => /^(READY|STOPPING)/.test(word));
  expect(others).toEqual(["READY=1", "STOPPING=1"]);
  expect(provider.stderr.all.filter((line) => line.includes("|"))).toEqual([expect.stringMatching(/ts_1 +\| 0$/)]);
});

test("install-unit writes the unit of a file, whatever its path, and replaces none but its own", async () => {
  await using folder = await makeFolder({ "50% of/Context-Test.xml": contextXml([LOOKS]) });
  const path = folder.at("systemd", "user", "zcontext-Test.service");
  const words = ["install-unit", "50% of/Context-Test.xml", "--user", "--http", "0"];
  const install = () => run("service-context", words, { cwd: folder.path, env: { XDG_CONFIG_HOME: folder.path } });

  expect(await install()).toMatchObject({ code: 0, stdout: [path] });
  const file = folder.at("50%% of", "Context-Test.xml");
  const command = `"${process.execPath}" "${programOf("service-context")}" "${file}" "--start" "--http" "0"`;
  expect((await readFile(path, "utf8")).split("\n")).toContain(`ExecStart=${command}`);
  expect((await install()).code).toBe(0);
  await folder.write("systemd/user/zcontext-Test.service", "[Unit]\n");
  const refused = await install();
  expect(refused.code).toBe(2);
  expect(refused.stderr.join("\n")).toContain("ERR_TARGET_REFUSED");
});
