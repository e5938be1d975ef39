// The health of a service in Python, and programs in Python that find a context by its file.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, rename, rm, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PYTHON_FOLDER } from "../support/bus-peer.ts";
import { type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { leaveNoProcess } from "../support/processes.ts";

leaveNoProcess();

const BILLING = `
import sys, threading
from zcontext import Service, event, method

class Billing:
    @event("orders.created")
    def created(self, event, scope):
        pass

    @method("get")
    def get(self, params, scope):
        return params

sys.exit(Service("ts_1", "service_ts_1", "test", lambda: Billing).main())
`;

const billing = (port: string, id = "ts_1"): TaskXml => ({
  ...{ id, instance: "Billing", serviceType: "Executable", readyAfterS: 600 },
  command: "python3 services/billing.py",
  configuration: `<health_port>${port}</health_port>`,
});

async function runBilling(...tasks: TaskXml[]): Promise<RunningContext> {
  const context = await runContext(tasks);
  await context.folder.write("services/billing.py", BILLING);
  return context;
}

async function ask(url: string, method = "GET"): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method });
  return { status: response.status, body: method === "HEAD" ? await response.text() : await response.json() };
}

test("a service in Python is well while its events reach it, and says why they don't", async () => {
  await using context = await runBilling(billing("0"));
  await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "started");
  const url = String((status as { health_url?: unknown }).health_url);

  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/_health$/);
  expect(await ask(url)).toEqual({ status: 200, body: null });
  expect(await ask(url, "HEAD")).toEqual({ status: 200, body: "" });
  expect(await ask(url, "POST")).toEqual({ status: 405, body: { reasons: ["expected GET"] } });
  expect(await ask(url.replace("_health", "other"))).toMatchObject({ status: 404 });

  const { pid } = await context.log.first(({ phrase }) => phrase === "broker started");
  process.kill(Number(pid), "SIGSTOP");
  expect(await ask(url)).toEqual({
    status: 503,
    body: { reasons: ["its messages: no answer from the broker within 1000 ms"] },
  });
  // The provider replaces a broker that is halted.
  while ((await ask(url)).status !== 200);
});

test("a service in Python fails to start where another process has its health_port, or it is none", async () => {
  await using server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using context = await runBilling(billing(String(port)), billing("none", "ts_2"));

  const records = await context.start("T1");

  expect(records.map(({ reason }) => reason)).toEqual([
    `health_port: can't listen on 127.0.0.1:${port}: another process has it`,
    'health_port: expected 0 to 65535, got "none"',
  ]);
});

const CALLS = `
import sys, zcontext

try:
    with zcontext.connect(context_file=sys.argv[1], timeout_s=120) as bus:
        print(bus.call("service_ts_1.get", "ü", timeout_s=120))
except zcontext.BusError as error:
    print(error.code, error)
`;

async function callOf(contextFile: string, cwd: string, shellFolder = cwd): Promise<string> {
  const { stdout } = await promisify(execFile)("python3", ["-c", CALLS, contextFile], {
    cwd,
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER, PWD: shellFolder },
  });
  return stdout.trim();
}

test("a program in Python finds a context by its file, by whatever name", async () => {
  await using context = await runBilling(billing("0"));
  await context.start("T1");
  const { folder } = context;
  const file = folder.at("Context-Test.xml");
  await folder.write("other/Context-Other.xml", "");
  await symlink(file, folder.at("other/Context-Link.xml"));
  await symlink(folder.path, folder.at("link"));

  expect(await callOf(file, "/")).toBe("ü");
  expect(await callOf("Context-Test.xml", folder.path)).toBe("ü");
  expect(await callOf("../Context-Test.xml", folder.at("other"))).toBe("ü");
  expect(await callOf("other/Context-Link.xml", folder.path)).toBe("ü");
  expect(await callOf("Context-Test.xml", folder.path, folder.at("link"))).toBe("ü");
  await copyFile(file, folder.at("other/Context-Test.xml"));
  for (const other of ["other/Context-Other.xml", "other/Context-Test.xml", "none/Context-Test.xml"])
    expect(await callOf(other, folder.path)).toBe(
      `ERR_PROVIDER_UNREACHABLE ${other}: no provider runs it; \`service-context ${other} --start\` starts it`,
    );
  await rename(file, folder.at("Context-Renamed.xml"));
  expect(await callOf("Context-Renamed.xml", folder.path)).toBe("ü");
  await rm(folder.at("Context-Renamed.xml"));
  expect(await callOf(file, dirname(folder.path))).toBe("ü");
});
