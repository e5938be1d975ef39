import { expect, test } from "vitest";
import { holdPresence } from "../../src/presence/presence.ts";
import { stayConnected } from "../../tools/context-monitor/connection.ts";
import { contextXml, runContext, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const waits: TaskXml = { id: "ts_1", instance: "Program", serviceType: "Executable", command: "sleep 600" };

test("a provider that is still starting is waited for, though its forwarder answers where the file says", async () => {
  await using context = await runContext([waits]);
  const { publish, subscribe } = context.endpoints;
  const at = { FrontEndEndpoint: subscribe, BackendBind: subscribe, BackendEndpoint: publish, FrontBind: publish };
  const text = Object.entries(at).reduce(
    (xml, [name, endpoint]) => xml.replace(`<${name}>tcp://127.0.0.1:*`, `<${name}>${endpoint}`),
    contextXml([waits]),
  );
  await using folder = await makeFolder({ "Context-Test.xml": text });
  const file = folder.at("Context-Test.xml");
  const about = { pid: process.pid, contextId: "context001" };
  await using presence = await holdPresence(file, about);
  const heard = awaitEvents<string>("what the monitor was told", (event) => event);
  const left = new AbortController();

  const following = stayConnected(
    { context_file: file },
    {
      onFrame() {},
      onConnected: (endpoint, isAnybody) => heard.add(`${isAnybody ? "anybody" : "its own"} at ${endpoint}`),
      onAway: () => heard.add("away"),
      onWaiting: () => heard.add("waiting"),
    },
    { isPatient: false, signal: left.signal },
  );
  await heard.first((event) => event === "waiting");
  presence.update({ ...about, endpoints: context.endpoints });
  const connected = await heard.first((event) => event !== "waiting");
  left.abort();
  await following;

  expect(connected).toBe(`its own at ${subscribe}`);
  expect(heard.all).not.toContain("away");
});
