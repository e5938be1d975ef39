// Task services that talk with each other through the broker of their provider, each in a process of its own.
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { EventBus } from "../../src/messaging/index.ts";
import { BOUND_MS } from "../support/bound.ts";
import { type RunningContext, runContext, type TaskXml } from "../support/context.ts";

/** Runs a context whose tasks have this code as `task`, by instance. */
async function runServices(tasks: readonly TaskXml[], code: { [instance: string]: string }): Promise<RunningContext> {
  const context = await runContext(tasks);
  for (const [instance, task] of Object.entries(code)) {
    const service = `
      import { defineService, defineTask, NonRetryableError, ServiceError } from "zcontext/tasks";
      // @ts-nocheck
      const task: any = defineTask(${task});
      export default defineService({ name: "n", description: "", task });`;
    await context.folder.write(`services/${instance}/Service${instance}.ts`, service);
  }
  return context;
}

/** A program outside, that talks with the services of the context. */
function connect({ folder }: RunningContext): Promise<EventBus> {
  const contextFile = folder.at("Context-Test.xml");
  return EventBus.connect({ contextFile, src: "context001/outside/1", timeoutMs: BOUND_MS, another: true });
}

const QUICK = { backoff_min_s: 0.01, backoff_max_s: 0.01 };

describe.each(["Process", "Thread"] as const)("a %s", (serviceType) => {
  test("calls, emits to and submits actions to another one, which starts beside it", async () => {
    await using context = await runServices(
      [
        { id: "ts_1", instance: "Shop", serviceType },
        { id: "ts_2", instance: "Billing", serviceType },
      ],
      {
        Shop: `{
          kind: "single",
          async run(scope) {
            await scope.bus.emit("orders.created", { content: { id: 7 } });
            const invoice = await scope.bus.call("service_ts_2.get_invoice", { id: 7 });
            const refusal = await scope.bus.call("service_ts_2.get_invoice", {}).catch(({ code }) => code);
            const byName = await scope.submitAction("service_ts_2", "Note", "by name");
            const byId = await scope.submitAction("ts_2", "Note", "by id");
            const toAll = await scope.submitAction("*", "Note", "to all");
            const toNobody = await scope.submitAction("ts_3", "Note", "to nobody");
            const noted = await scope.ask("ts_2", "Noted", 4);
            const delivered = [byName, byId, toAll, toNobody].map(({ delivered }) => delivered);
            await scope.update({ invoice, refusal, delivered, noted });
          },
        }`,
        Billing: `{
          events: { "orders.created": { handle: ({ content }) => note(["order", content.id]) } },
          methods: { get_invoice: { params: { required: ["id"] }, handle: ({ id }, { source }) => ({ id, source }) } },
          actions: {
            Note: (message, { source }) => note([source, message]),
            async Noted(count) {
              while (noted.length < count) await new Promise((resolve) => changed.add(resolve));
              return noted;
            },
          },
        });
        const noted = [];
        const changed = new Set();
        function note(entry) {
          noted.push(entry);
          for (const resolve of changed) resolve();
        }
        void (0`,
      },
    );

    await context.start("T1");
    const { status } = await context.untilSaid("ts_1", "updated");

    expect(status).toMatchObject({
      invoice: { id: 7, source: "service_ts_1" },
      refusal: "ERR_PARAMS_INVALID",
      delivered: [1, 1, 1, 0],
    });
    expect(new Set((status.noted as unknown[]).map((entry) => JSON.stringify(entry)))).toEqual(
      new Set(
        [
          ["order", 7],
          ["service_ts_1", "by name"],
          ["service_ts_1", "by id"],
          ["service_ts_1", "to all"],
        ].map((entry) => JSON.stringify(entry)),
      ),
    );
  });
});

test("an action that is sent while its target restarts reaches it, by name and by id", async () => {
  await using context = await runServices(
    [{ id: "ts_1", instance: "Fragile", supervision: { ...QUICK, restart: "always", max_restarts: 9 } }],
    { Fragile: `{ actions: { Die: () => process.exit(1), Ping: () => process.pid } }` },
  );
  const [first] = await context.start("T1");
  await using bus = await connect(context);
  const ask = (service: string, action: string) =>
    bus.call<number>(`${service}.action:${action}`, { source: "outside", message: null }, { timeoutMs: 30_000 });

  await expect(ask("service_ts_1", "Die")).rejects.toMatchObject({ code: "ERR_SERVICE_LOST" });
  const byName = await ask("service_ts_1", "Ping");
  await expect(ask("ts_1@T1", "Die")).rejects.toMatchObject({ code: "ERR_SERVICE_LOST" });
  const byId = await ask("ts_1@T1", "Ping");

  expect(new Set([first?.pid, byName, byId])).toHaveProperty("size", 3);
});

test("a stop with 100 handlers under way gives their events back, and the process ends with code 0", async () => {
  await using context = await runServices([{ id: "ts_1", instance: "Slow", supervision: { grace_s: 10 } }], {
    Slow: `{
        events: {
          "a.b": {
            prefetch: 200,
            async handle({ attempt, signal }, scope) {
              if (attempt > 1) return scope.bus.emit("a.again", { content: attempt });
              await scope.bus.emit("a.begun", { content: null });
              await new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
            },
          },
        },
        stop: (scope) => scope.bus.emit("a.stopped", { content: null }),
      }`,
  });
  await context.start("T1");
  await using bus = await connect(context);
  const allBegun = deferred();
  const allAgain = deferred();
  const stopped = deferred();
  const counts = { begun: 0, again: 0 };
  const count = (name: "begun" | "again", all: { resolve(): void }) => () => {
    counts[name] += 1;
    if (counts[name] === 100) all.resolve();
  };
  await bus.listen("a.begun", "test", count("begun", allBegun));
  await bus.listen("a.again", "test", count("again", allAgain));
  await bus.listen("a.stopped", "test", () => stopped.resolve());
  await Promise.all(Array.from({ length: 100 }, (_, id) => bus.emit("a.b", { content: id })));
  await allBegun.promise;

  await context.stop("T1", "ts_1");
  const exit = await context.log.first(({ phrase, task }) => phrase === "stopped" && task === "ts_1");
  await stopped.promise;
  await context.start("T1");
  await allAgain.promise;

  expect(exit.by).toBe("the process ended with code 0"); // and no line on stderr
  expect(await bus.operations.queues()).toContainEqual(
    expect.objectContaining({ event: "a.b", ready: 0, in_flight: 0, dead: 0 }),
  );
});

test("a service whose start throws has failed with fault code 90000; another one starts", async () => {
  await using context = await runServices(
    [
      { id: "ts_1", instance: "Broken" },
      { id: "ts_2", instance: "Sound" },
    ],
    {
      Broken: `{ start() { throw new Error("no database"); }, actions: {} }`,
      Sound: `{ start() {}, actions: { Ping: () => "pong" } }`,
    },
  );

  await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "started");
  await using bus = await connect(context);

  expect(status).toMatchObject({ result: "failure", reason: "no database", code: 90_000 });
  expect(await bus.call("service_ts_2.action:Ping", { source: "outside", message: null })).toBe("pong");
});
