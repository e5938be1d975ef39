// The handlers of a task, as a rehearsal runs them: events, methods, the functions around them, and their end.
import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { ServiceError } from "../../../src/messaging/index.ts";
import { defineTask } from "../../../src/tasks/define.ts";
import { rehearse } from "../../../src/tasks/rehearsal/rehearse.ts";

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

const ORDER = { type: "object", properties: { id: { type: "number" } }, required: ["id"] } as const;

describe("an event", () => {
  test("is handled with what it says, and acknowledged by the return", async () => {
    const seen: unknown[] = [];
    const task = defineTask({
      events: {
        "orders.created": {
          content: ORDER,
          async handle({ content, context, group }, scope) {
            seen.push([content.id, context, group]);
            await scope.bus.emit("orders.billed", { content: { id: content.id }, context });
          },
        },
      },
    });

    const { announcements, emitted } = await rehearse(task, {
      serviceName: "billing",
      async plays(stage) {
        const event = { content: { id: 7 }, context: { tenant: "t1" } };
        expect(await stage.emit("orders.created", event)).toEqual({ verdict: "ack" });
      },
    });

    expect(seen).toEqual([[7, { tenant: "t1" }, "billing"]]);
    expect(emitted).toEqual([{ name: "orders.billed", content: { id: 7 }, context: { tenant: "t1" } }]);
    expect(announcements.map(({ action }) => action)).toEqual(["started", "stopped"]);
  });

  test("comes again after a throw, which is printed", async () => {
    const task = defineTask({
      events: {
        "orders.created": {
          handle() {
            throw new Error("no stock");
          },
        },
      },
    });

    const { printed } = await rehearse(task, {
      async plays(stage) {
        expect(await stage.emit("orders.created", { content: 1 })).toMatchObject({ verdict: "again" });
      },
    });

    expect(printed).toEqual(["event orders.created: no stock"]);
  });

  test("that does not fit never reaches the handler, nor leaves the service", async () => {
    const task = defineTask({
      events: { "orders.created": { content: ORDER, handle() {} } },
      emits: { "orders.billed": { content: ORDER, context: ORDER } },
      methods: { emit: { handle: (name, { bus }) => bus.emit(String(name), { content: {}, context: {} }) } },
    });

    const { emitted } = await rehearse(task, {
      async plays(stage) {
        expect(await stage.emit("orders.created", { content: {} })).toMatchObject({
          verdict: "dead",
          reason: "schema",
        });
        for (const event of ["orders.billed", "orders.created"])
          await expect(stage.call("emit", event)).rejects.toMatchObject({ code: "ERR_EVENT_INVALID" });
      },
    });

    expect(emitted).toEqual([]);
  });

  test("keeps its session through what its handler emits and calls", async () => {
    const sessions: string[] = [];
    const reached = deferred();
    const task = defineTask({
      events: {
        "a.b": {
          async handle({ meta }, { bus }) {
            sessions.push(meta.session_id);
            await bus.call("next.step");
          },
        },
      },
    });

    await rehearse(task, {
      async plays(stage) {
        await stage.bus.listen("b.c", "stage", ({ meta }) => {
          sessions.push(meta.session_id);
          reached.resolve();
        });
        await stage.emit("a.b", { content: 1 });
        await reached.promise;
      },
      beside: { next: { methods: { step: { handle: (_, { bus }) => bus.emit("b.c", { content: 1 }) } } } },
    });

    expect(sessions).toHaveLength(2);
    expect(sessions[1]).toBe(sessions[0]);
  });

  test("whose handler has not ended when the task stops is given back, and its signal aborts", async () => {
    const begun = deferred();
    const ended = deferred();
    const task = defineTask({
      events: {
        "a.b": {
          async handle({ signal }, scope) {
            begun.resolve();
            await aborted(signal);
            ended.resolve();
            scope.signal.throwIfAborted();
          },
        },
      },
    });
    let verdict: Promise<unknown> | undefined;

    const { printed } = await rehearse(task, {
      graceMs: 0,
      async plays(stage) {
        verdict = stage.emit("a.b", { content: 1 });
        await begun.promise;
      },
    });
    await ended.promise;

    expect(await verdict).toEqual({ verdict: "again", delayMs: 0 });
    expect(printed).toEqual([]);
  });

  test("that a task does not listen to is named in the error of the test that emits it", async () => {
    const task = defineTask({ events: { "orders.created": { handle() {} } } });

    await expect(
      rehearse(task, { plays: async (stage) => void (await stage.emit("orders.creatd", { content: 1 })) }),
    ).rejects.toThrow("the task does not listen to orders.creatd; it listens to orders.created");
  });
});

describe("a method", () => {
  test("answers, and says who asks", async () => {
    const task = defineTask({
      methods: { get_invoice: { params: ORDER, handle: ({ id }, { source }) => ({ id, source }) } },
    });

    await rehearse(task, {
      async plays(stage) {
        expect(await stage.call("get_invoice", { id: 7 })).toEqual({ id: 7, source: "stage" });
        await expect(stage.call("get_invoice", {})).rejects.toMatchObject({ code: "ERR_PARAMS_INVALID" });
        await expect(stage.call("constructor")).rejects.toMatchObject({ code: "ERR_METHOD_UNKNOWN" });
      },
    });
  });

  test("carries its error to the caller", async () => {
    const task = defineTask({
      methods: {
        buy: {
          handle() {
            throw new ServiceError("OUT_OF_STOCK", "none left", { retryable: true });
          },
        },
      },
    });

    await rehearse(task, {
      async plays(stage) {
        const refusal = { code: "OUT_OF_STOCK", message: "none left", retryable: true };
        await expect(stage.call("buy")).rejects.toMatchObject(refusal);
      },
    });
  });

  test("is told when its caller gives up, and so is its sleep", async () => {
    const begun = deferred();
    const ends: string[] = [];
    const over = deferred();
    const task = defineTask({
      methods: {
        wait: {
          async handle(_, scope) {
            begun.resolve();
            await aborted(scope.signal);
            ends.push("signal");
            await scope.sleep(1).catch(() => ends.push("sleep"));
            over.resolve();
          },
        },
      },
    });
    const giveUp = new AbortController();

    await rehearse(task, {
      async plays(stage) {
        const answer = stage.call("wait", null, { signal: giveUp.signal }).catch((error: unknown) => error);
        await begun.promise;
        giveUp.abort();
        expect(await answer).toMatchObject({ code: "ERR_CALL_TIMEOUT" });
        await over.promise;
      },
    });

    expect(ends).toEqual(["signal", "sleep"]);
  });

  test("calls others, and what it calls is recorded", async () => {
    const task = defineTask({
      methods: { total: { handle: async (_, { bus }) => bus.call("billing.get_invoice", { id: 1 }) } },
    });

    const { called } = await rehearse(task, {
      beside: { billing: { methods: { get_invoice: { handle: () => 42 } } } },
      async plays(stage) {
        expect(await stage.call("total")).toBe(42);
      },
    });

    expect(called).toEqual([{ name: "billing.get_invoice", params: { id: 1 } }]);
  });
});

describe("a task with handlers", () => {
  test("runs beside them, and its bus reaches others", async () => {
    const task = defineTask({
      kind: "single",
      async run(scope) {
        await scope.bus.emit("orders.created", { content: 1 });
        scope.bus.publish("temperature", 22);
        await scope.update({ answer: await scope.bus.call("other.ping") });
      },
      methods: { ping: { handle: () => "pong" } },
    });

    const { announcements, emitted, signals } = await rehearse(task, {
      beside: { other: { methods: { ping: { handle: () => "from beside" } } } },
    });

    expect(announcements.map(({ action, status }) => [action, status.answer])).toEqual([
      ["started", undefined],
      ["updated", "from beside"],
      ["stopped", undefined],
    ]);
    expect(emitted).toMatchObject([{ name: "orders.created" }]);
    expect(signals).toEqual([{ topic: "temperature", content: 22 }]);
  });

  test("starts before anything arrives, and stops when nothing arrives any more", async () => {
    const order: string[] = [];
    const task = defineTask({
      start: () => void order.push("start"),
      stop: async (scope) => {
        await scope.sleep(1);
        order.push("stop");
      },
      events: { "a.b": { handle: () => void order.push("event") } },
    });

    await rehearse(task, { plays: async (stage) => void (await stage.emit("a.b", { content: 1 })) });

    expect(order).toEqual(["start", "event", "stop"]);
  });

  test("that can't start says so with fault code 90000", async () => {
    const failure = new Error("no database");
    const task = defineTask({
      start() {
        throw failure;
      },
      methods: { ping: { handle: () => 1 } },
    });

    const { announcements, printed, error, published } = await rehearse(task, { serviceName: "billing" });

    expect(error).toBe(failure);
    expect(announcements).toMatchObject([
      { action: "started", status: { result: "failure", reason: "no database", code: 90_000 } },
    ]);
    expect(printed).toEqual(["[billing] ERROR 90000: start: no database"]);
    expect(published).toEqual([
      { topic: "log", content: { level: "error", text: "start: no database", code: 90_000 } },
    ]);
  });

  test.each([
    ["an event's name", { events: { orders: { handle() {} } } }, "ERR_EVENT_NAME"],
    ["a schema", { methods: { get: { params: { type: 7 }, handle() {} } } }, "ERR_SCHEMA_INVALID"],
  ])("that has a fault in %s does not start", async (_, task, code) => {
    const { error, announcements } = await rehearse(defineTask<{ [name: string]: unknown }>(task));

    expect(error).toMatchObject({ code });
    expect(announcements).toMatchObject([{ action: "started", status: { result: "failure" } }]);
  });

  test("reports a stop that throws, and ends well", async () => {
    const task = defineTask({
      stop() {
        throw new Error("disk full");
      },
      actions: {},
    });

    const { announcements, printed } = await rehearse(task, { serviceName: "billing" });

    expect(announcements.map(({ action }) => action)).toEqual(["started", "stopped"]);
    expect(printed).toEqual(["[billing] ERROR: stop: disk full"]);
  });

  test("rejects the rehearsal with what its test throws", async () => {
    const task = defineTask({ actions: {} });
    const plays = () => {
      throw new Error("an assertion");
    };

    await expect(rehearse(task, { plays })).rejects.toThrow("an assertion");
  });

  test("opens no bus where nothing needs one", async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    let during: number | undefined;
    const task = defineTask({
      kind: "single",
      run() {
        during = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
      },
    });

    await rehearse(task);

    expect(during).toBe(before);
  });
});

describe("what a service reports", () => {
  test("is a line of its log, and a message on the topic log", async () => {
    const task = defineTask({
      kind: "single",
      run(scope) {
        scope.debug("here");
        scope.warning("warm");
        scope.throwError("hot", 17, "cooling is off");
        scope.throwError("cold");
        scope.track("step 1", "of 2");
      },
    });

    const { printed, published, error } = await rehearse(task, { serviceName: "oven" });

    expect(error).toBeUndefined();
    expect(printed).toEqual([
      "[oven] DEBUG: here",
      "[oven] WARNING: warm",
      "[oven] ERROR 17: hot (cooling is off)",
      "[oven] ERROR: cold",
      "[oven] TRACK: step 1 (of 2)",
    ]);
    expect(published.map(({ topic, content }) => [topic, content.level, content.text])).toEqual([
      ["log", "debug", "here"],
      ["log", "warning", "warm"],
      ["log", "error", "hot"],
      ["log", "error", "cold"],
      ["log", "track", "step 1"],
    ]);
    expect(published[2]?.content).toEqual({ level: "error", text: "hot", code: 17, description: "cooling is off" });
  });
});

describe("what is no task", () => {
  test.each([
    ["nothing to do", {}, "without the function run and without handlers"],
    ["a kind alone", { kind: "single", methods: {} }, 'of the kind "single", where none, without run, was expected'],
    ["a run without a kind", { run() {} }, 'of the kind undefined, where "single" or "looped" was expected'],
    ["a hook that is no function", { start: 1 }, "whose start is no function but number"],
    ["handlers that are none", { events: "all" }, "whose events are all, where handlers by name were expected"],
    ["an event without a handler", { events: { "a.b": {} } }, 'whose events have "a.b" without the function handle'],
    ["a reserved action", { actions: { Start() {} } }, 'whose actions have "Start", which is the function start'],
    ["a method with the name of an action", { methods: { "action:x": { handle() {} } } }, "a name that is kept for"],
    ["an action of two words", { actions: { "Send Email"() {} } }, 'have "Send Email", where one word was expected'],
  ])("such as %s, is refused", async (_, value, reason) => {
    const expected = expect.stringContaining(reason);

    await expect(rehearse(value as never)).rejects.toMatchObject({ code: "ERR_SERVICE_INVALID", message: expected });
  });
});
