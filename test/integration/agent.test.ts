// A provider whose messages a server has, while that can't be reached.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { contextXml, type TaskXml } from "../support/context.ts";
import { makeFolder } from "../support/folder.ts";
import { startNats } from "../support/nats.ts";
import { freePort } from "../support/port.ts";
import { environmentOf } from "../support/processes.ts";
import { type ProviderProcess, startProvider } from "../support/provider.ts";

const PROGRAM: TaskXml = { id: "ts_1", instance: "Waits", serviceType: "Executable", command: "sleep 1000" };

/** Runs a context with a server that the environment names. */
async function startAt(url: string, task: TaskXml, use: (provider: ProviderProcess) => Promise<void>): Promise<void> {
  await using folder = await makeFolder({ "Context-Test.xml": contextXml([task]) });
  const before = process.env.ZCONTEXT_BUS_URL;
  process.env.ZCONTEXT_BUS_URL = url;
  try {
    await using provider = await startProvider(folder.at("Context-Test.xml"), "--start", "--http", "127.0.0.1:0");
    await use(provider);
  } finally {
    if (before === undefined) delete process.env.ZCONTEXT_BUS_URL;
    else process.env.ZCONTEXT_BUS_URL = before;
  }
}

test("it runs its tasks, is unhealthy with the reason, and shows no credentials", async () => {
  const server = `nats://127.0.0.1:${await freePort()}`;

  await startAt(server.replace("//", "//shop:hidden-word@"), PROGRAM, async ({ log, processes, answers }) => {
    const [{ url }, { pid }] = await Promise.all([
      log.first(({ msg }) => msg === "dashboard ready"),
      log.first(({ msg, task }) => msg === "running" && task === "ts_1"),
      log.first(({ msg }) => msg === "server of messages can't be reached"),
    ]);
    const [health, metrics] = await Promise.all(
      ["_health", "metrics"].map(async (path) => {
        const response = await fetch(`${url}${path}`);
        return { status: response.status, text: await response.text() };
      }),
    );
    const commands = await Promise.all(processes().map((one) => readFile(`/proc/${one}/cmdline`, "utf8")));

    expect(health?.status).toBe(503);
    expect(JSON.parse(health?.text ?? "").reasons).toHaveLength(1);
    expect(metrics?.text).toMatch(/^zcontext_broker_up 0$/m);
    expect(await environmentOf(Number(pid))).toEqual(
      expect.arrayContaining([`ZCONTEXT_BUS_URL=${server}`, "ZCONTEXT_BUS_USER=shop", "ZCONTEXT_BUS_PASS=hidden-word"]),
    );
    expect(JSON.stringify([log.all, answers, health, metrics, commands])).not.toContain("hidden-word");
  });
});

test("it says once of each event that no group has wanted it", async () => {
  await using server = await startNats();

  await startAt(server.url, PROGRAM, async ({ log }) => {
    await log.first(({ msg, task }) => msg === "running" && task === "ts_1");
    await using bus = await EventBus.connect({ url: server.url, another: true });
    const dropped =
      (event: string) =>
      ({ msg, event: name }: { [field: string]: unknown }) =>
        msg === "event dropped" && name === event;
    for (const name of ["a.b", "a.b"]) await bus.emit(name, { content: 1 });
    await log.first(dropped("a.b"));
    for (const name of ["a.b", "a.c"]) await bus.emit(name, { content: 2 });
    await log.first(dropped("a.c"));

    expect(log.all.filter(dropped("a.b"))).toHaveLength(1);
  });
});
