// The client that docs/protocol.md shows works as it stands there.
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { finish, startProgram } from "../support/command.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startProvider } from "../support/provider.ts";
import { blocksOf, readDocument } from "../support/readme.ts";

leaveNoProcess();

const ECHO_ACTION = new URL("../../conf/Context-EchoAction.xml", import.meta.url);

test("the client of the documentation starts a task, and hears when it may not", async () => {
  const [client] = blocksOf(readDocument("docs/protocol.md")).filter(({ language }) => language === "python");
  await using folder = await makeFolder({ "client.py": (client?.lines ?? []).join("\n") });
  const services = fileURLToPath(new URL("../../services", import.meta.url));
  await using provider = await startProvider(ECHO_ACTION, "--services_root", services);
  const { publish, subscribe } = provider.endpoints;
  const start = () => finish(startProgram("python3", [folder.at("client.py"), publish, subscribe, "T1"]));

  expect(await start()).toEqual({ code: 0, stdout: ["update {'ts_100': 'start'}"], stderr: [] });
  await provider.log.first(({ msg, transaction }) => msg === "running" && transaction === "T1");
  expect(await start()).toEqual({ code: 0, stdout: ["refused None"], stderr: [] });
});
