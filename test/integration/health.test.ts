// The health of a service and of its context while messages pass, and while they don't.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { type Broker, holdBroker } from "../../src/companions/broker.ts";
import { EventBus } from "../../src/messaging/index.ts";
import type { BusState } from "../../src/protocol/bus-figures.ts";
import { BOUND_MS } from "../support/bound.ts";
import { runContext } from "../support/context.ts";
import { runDashboard } from "../support/dashboard.ts";
import { makeFolder } from "../support/folder.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { parseMetrics } from "../support/prometheus.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const orders = (port: string) => ({
  ...{ id: "ts_1", instance: "ListensToOrders", configuration: `<health_port>${port}</health_port>` },
});

async function ask(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

describe("a service with a health_port", () => {
  test("is well while its events reach it, and says why they don't; so does its context", async () => {
    await using dashboard = await runDashboard([orders("0")]);
    const { context } = dashboard;
    expect((await dashboard.ask("/metrics")).text).not.toMatch(/^zcontext_broker_up \d/m);
    await context.start("T1");
    const { status } = await context.untilSaid("ts_1", "started");
    const url = String((status as { health_url?: unknown }).health_url);

    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/_health$/);
    expect(await ask(url)).toEqual({ status: 200, body: null });
    expect((await ask(url.replace("_health", "other"))).status).toBe(404);
    expect((await dashboard.ask("/_health")).text).toBe("null");
    await using bus = await EventBus.connect({
      another: true,
      ...{ contextFile: context.folder.at("Context-Test.xml"), src: "context001/shop/1", timeoutMs: BOUND_MS },
    });
    await bus.emit("orders.created", { content: { id: 7 } });
    await bus.call("service_ts_1.get_order", 7);
    const metrics = parseMetrics((await dashboard.ask("/metrics")).text);
    expect(metrics.find(({ name }) => name === "zcontext_broker_up")?.samples[0]?.value).toBe(1);

    const { pid } = await context.log.first(({ phrase }) => phrase === "broker started");
    process.kill(Number(pid), "SIGSTOP");
    expect(await ask(url)).toMatchObject({
      status: 503,
      body: { reasons: ["its messages: no answer from the broker within 1000 ms"] },
    });
    // Asked without a pause: the provider soon has another broker.
    let answer = await dashboard.ask("/_health");
    while (answer.status === 200) answer = await dashboard.ask("/_health");
    expect(answer.json()).toEqual({ reasons: [expect.stringMatching(/^the broker (does not answer|is away)$/)] });
    // The provider replaces a broker that is halted.
    while ((await ask(url)).status !== 200);
  });

  test("fails to start where another process has the port, or it is none", async () => {
    await using server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using context = await runContext([orders(String(port)), { ...orders("none"), id: "ts_2" }]);

    const records = await context.start("T1");

    expect(records.map(({ reason }) => reason)).toEqual([
      `health_port: can't listen on 127.0.0.1:${port}: another process has it`,
      'health_port: expected 0 to 65535, got "none"',
    ]);
  });
});

test("a broker is in trouble from its loss until its replacement is ready, and has no state before it is needed", async () => {
  await using folder = await makeFolder();
  const nowhere = { publish: "tcp://127.0.0.1:9", subscribe: "tcp://127.0.0.1:9" };
  const seen = awaitEvents<{ when: string; state: BusState | undefined }>("states", ({ when }) => when);
  const see = (when: string) => seen.add({ when, state: broker.state });
  await using broker: Broker = await holdBroker(
    {
      ...{ runFolder: folder.at("run"), storeFolder: folder.at("store"), durability: "file", endpoints: nowhere },
      cookie: { context: "0".repeat(32), provider: "test" },
    },
    { onLost: () => see("lost"), onBack: () => see("back"), onStarted: () => see("started") },
  );
  expect(broker.state).toBeUndefined();
  await using bus = await EventBus.connect({
    another: true,
    ...{ url: broker.url, token: broker.token, src: "test/a/1", timeoutMs: BOUND_MS },
  });
  await bus.emit("orders.created", { content: {} });

  process.kill(Number(broker.pid), "SIGKILL");

  expect((await seen.first(({ when }) => when === "started")).state?.trouble).toBeUndefined();
  expect((await seen.first(({ when }) => when === "lost")).state).toEqual({
    figures: undefined,
    trouble: "the broker is away",
  });
  expect((await seen.first(({ when }) => when === "back")).state?.trouble).toBeUndefined();
});
