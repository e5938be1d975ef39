import { AsyncLocalStorage, createHook } from "node:async_hooks";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { type Announcement, defineTask, type TaskScope } from "../../../../src/tasks/define.ts";
import { type Rehearsal, rehearse } from "../../../../src/tasks/rehearsal/rehearse.ts";

type Scope = TaskScope<{ [name: string]: unknown }>;

const single = (run: (scope: Scope) => Promise<void> | void) => defineTask({ kind: "single", run });
const looped = (run: (scope: Scope) => Promise<void> | void) => defineTask({ kind: "looped", run });
const actionsOf = ({ announcements }: Rehearsal) => announcements.map(({ action }) => action);

const A_DAY_MS = 86_400_000;
const FOREIGN: Announcement = {
  action: "failed",
  serviceId: "ts009",
  serviceName: "other",
  status: { device_action: "", result: "failure", reason: "no paper" },
};

/** On the bus. */
const NOTHING_SAID = { emitted: [], called: [], submitted: [], signals: [] };

describe("a single task", () => {
  test("runs once and stops by itself", async () => {
    const run = vi.fn();

    const rehearsal = await rehearse(single(run), { rounds: 5 });

    expect(run).toHaveBeenCalledTimes(1);
    expect(rehearsal).toEqual({
      ...NOTHING_SAID,
      announcements: [
        {
          action: "started",
          serviceId: "ts001",
          serviceName: "rehearsed",
          status: { device_action: "", result: "success", pid: process.pid },
        },
        {
          action: "stopped",
          serviceId: "ts001",
          serviceName: "rehearsed",
          status: { device_action: "", result: "success" },
        },
      ],
      published: [],
      printed: [],
    });
  });

  test("knows its ids and names, and its announcements carry them", async () => {
    const names = { transaction: "T7", serviceId: "ts_100", serviceName: "echo_action", contextId: "context007" };
    let seen: Partial<Scope> = {};

    const { announcements } = await rehearse(
      single((scope) => {
        seen = { ...scope };
      }),
      { ...names, configuration: { device_action: "shout", hosts: ["a", "b"] } },
    );

    expect(seen).toMatchObject({ ...names, configuration: { device_action: "shout", hosts: ["a", "b"] } });
    expect(announcements[0]).toMatchObject({
      serviceId: "ts_100",
      serviceName: "echo_action",
      status: { device_action: "shout" },
    });
  });

  test("is told to stop by the signal of the test", async () => {
    const rehearsal = await rehearse(
      single(async ({ sleep, update }) => {
        for (;;) {
          await update();
          await sleep(A_DAY_MS);
        }
      }),
      { signal: AbortSignal.timeout(5) },
    );

    expect(actionsOf(rehearsal).slice(0, 2)).toEqual(["started", "updated"]);
    expect(actionsOf(rehearsal).at(-1)).toBe("stopped");
    expect(rehearsal.announcements.at(-1)?.status).toMatchObject({ result: "success", pid: process.pid });
    expect(rehearsal).not.toHaveProperty("error");
  });

  test("that is to stop already does not run", async () => {
    const run = vi.fn();

    expect(actionsOf(await rehearse(single(run), { signal: AbortSignal.abort() }))).toEqual(["started", "stopped"]);
    expect(run).not.toHaveBeenCalled();
  });
});

describe("a looped task", () => {
  test("runs one round, and is then told to stop", async () => {
    let signal: AbortSignal | undefined;

    const rehearsal = await rehearse(
      looped(async (scope) => {
        expect(scope.signal.aborted).toBe(false);
        signal = scope.signal;
        await scope.update({ round: 1 });
      }),
    );

    expect(actionsOf(rehearsal)).toEqual(["started", "updated", "stopped"]);
    expect(signal?.aborted).toBe(true);
  });

  test("runs as many rounds as it is asked to", async () => {
    let round = 0;

    const { announcements } = await rehearse(
      looped(async (scope) => {
        round += 1;
        await scope.update({ round });
      }),
      { rounds: 3 },
    );

    expect(announcements.map(({ status }) => status.round)).toEqual([undefined, 1, 2, 3, undefined]);
  });

  test("keeps what it has as `this`", async () => {
    const task = {
      kind: "looped" as const,
      count: 0,
      run() {
        this.count += 1;
      },
    };

    await rehearse(task, { rounds: 2 });

    expect(task.count).toBe(2);
  });
});

describe("a task that throws", () => {
  test("has failed with the reason, and the error can be looked at", async () => {
    const error = new TypeError("too hot: 91");

    const rehearsal = await rehearse(
      looped(() => {
        throw error;
      }),
    );

    expect(actionsOf(rehearsal)).toEqual(["started", "failed"]);
    expect(rehearsal.announcements[1]?.status).toEqual({
      device_action: "",
      result: "failure",
      pid: process.pid,
      reason: "too hot: 91",
    });
    expect(rehearsal.error).toBe(error);
  });

  test("has failed too when it throws what is no error", async () => {
    const rehearsal = await rehearse(single(() => Promise.reject("no reason")));

    expect(rehearsal).toMatchObject({ error: "no reason" });
    expect(rehearsal.announcements.at(-1)?.status).toMatchObject({ reason: "no reason" });
  });

  test("has stopped when it was told to stop before", async () => {
    const stop = new AbortController();

    const rehearsal = await rehearse(
      single(() => {
        stop.abort();
        throw new Error("on the way out");
      }),
      { signal: stop.signal },
    );

    expect(actionsOf(rehearsal)).toEqual(["started", "stopped"]);
    expect(rehearsal).not.toHaveProperty("error");
  });

  test("has failed when one of its handlers throws", async () => {
    const rehearsal = await rehearse(
      single(async (scope) => {
        await scope.onControl(() => {
          throw new Error("did not expect that");
        });
        await scope.update();
        await new Promise(() => {});
      }),
    );

    expect(actionsOf(rehearsal)).toEqual(["started", "updated", "failed"]);
    expect(rehearsal.error).toEqual(new Error("did not expect that"));
  });
});

test("a failure that a task announces itself does not end it", async () => {
  const rehearsal = await rehearse(
    single(async (scope) => {
      await scope.fail("out of paper", { tray: 2 });
      await scope.update();
    }),
  );

  expect(actionsOf(rehearsal)).toEqual(["started", "failed", "updated", "stopped"]);
  expect(rehearsal.announcements[1]?.status).toEqual({
    device_action: "",
    result: "failure",
    reason: "out of paper",
    tray: 2,
  });
});

test("what a task prints and publishes is recorded in order, and reaches nothing else", async () => {
  const stdout = vi.spyOn(process.stdout, "write");
  const stderr = vi.spyOn(process.stderr, "write");

  const { printed, published } = await rehearse(
    single(async ({ log, publish }) => {
      log.info("one");
      log.warn("two");
      log.error("three\nlines");
      await publish("temperature", { celsius: 21 });
      await publish("humidity", {});
    }),
  );

  expect([stdout.mock.calls, stderr.mock.calls]).toEqual([[], []]);
  vi.restoreAllMocks();
  expect(printed).toEqual(["one", "two", "three\nlines"]);
  expect(published).toEqual([
    { topic: "temperature", content: { celsius: 21 } },
    { topic: "humidity", content: {} },
  ]);
});

// --- items -----------------------------------------------------------------------------------------------------------

describe("items", () => {
  test("are what JSON makes of them", async () => {
    const items = { a: undefined, b: Number.NaN, at: new Date(0), list: [{ deep: true }] };

    const { announcements, published } = await rehearse(
      single(async (scope) => {
        await scope.update(items as never);
        await scope.publish("t", items as never);
      }),
    );

    const { result, device_action, ...said } = announcements[1]?.status ?? {};
    const expected = JSON.parse(JSON.stringify(items));
    expect([said, published[0]?.content]).toEqual([expected, expected]);
  });

  test("stay what they were when the task changes them afterwards", async () => {
    const { announcements } = await rehearse(
      single(async (scope) => {
        const items = { count: 1 };
        await scope.update(items);
        items.count = 2;
      }),
    );

    expect(announcements[1]?.status.count).toBe(1);
  });

  test.each([
    ["a bigint", { big: 12n }, "expected a value that JSON can say, got bigint 12"],
    ["a function", { list: [() => {}] }, "expected a value that JSON can say, got function"],
  ])("that hold %s are a failure of the task", async (_, items, reason) => {
    const rehearsal = await rehearse(single(({ update }) => update(items as never)));

    expect(actionsOf(rehearsal)).toEqual(["started", "failed"]);
    expect(rehearsal.announcements[1]?.status.reason).toContain(reason);
    expect(rehearsal.error).toMatchObject({ code: "ERR_MESSAGE_MALFORMED" });
  });

  test("can't be published on a topic that is no word", async () => {
    const rehearsal = await rehearse(single(({ publish }) => publish("two words", {})));

    expect(rehearsal.error).toMatchObject({ code: "ERR_MESSAGE_MALFORMED" });
    expect(rehearsal.published).toEqual([]);
  });
});

// --- hearing ---------------------------------------------------------------------------------------------------------

describe("a task that listens", () => {
  test("hears the others, and then itself to the end, never within its own call", async () => {
    const heard: string[] = [];

    await rehearse(
      single(async (scope) => {
        await scope.onControl(({ serviceId, action }) => heard.push(`${serviceId} ${action}`));
        heard.push("registered");
        const updated = scope.update();
        heard.push("called");
        await updated;
      }),
      { hears: [FOREIGN, { ...FOREIGN, action: "started" }] },
    );

    expect(heard).toEqual(["ts009 failed", "ts009 started", "registered", "called", "ts001 updated", "ts001 stopped"]);
  });

  test("hears nothing that was said before", async () => {
    const heard: string[] = [];

    await rehearse(
      single(async (scope) => {
        await scope.update({ n: 1 });
        await scope.onControl(({ action }) => heard.push(action));
      }),
    );

    expect(heard).toEqual(["stopped"]);
  });

  test("hears with every handler", async () => {
    const heard: string[] = [];

    await rehearse(
      single(async (scope) => {
        await scope.onControl(({ action }) => heard.push(`one ${action}`));
        await scope.onControl(({ action }) => heard.push(`two ${action}`));
      }),
      { hears: [FOREIGN] },
    );

    expect(heard).toEqual(["one failed", "two failed", "one stopped", "two stopped"]);
  });

  test("may answer what it hears", async () => {
    const rehearsal = await rehearse(
      single(async (scope) => {
        await scope.onControl(({ action, status }) => {
          if (action === "failed") void scope.update({ saw: status.reason ?? null });
        });
      }),
      { hears: [FOREIGN] },
    );

    expect(rehearsal.announcements[1]?.status.saw).toBe("no paper");
  });
});

// --- time ------------------------------------------------------------------------------------------------------------

describe("sleep", () => {
  test("takes no time, and lets others go on", async () => {
    let immediate = false;
    setImmediate(() => {
      immediate = true;
    });

    await rehearse(single(({ sleep }) => sleep(A_DAY_MS)));

    expect(immediate).toBe(true);
  });

  test("rejects once the task is to stop, as the real one", async () => {
    const caught: unknown[] = [];
    const stop = new AbortController();

    const rehearsal = await rehearse(
      single(async ({ sleep }) => {
        const sleeping = sleep(A_DAY_MS).catch((error) => caught.push(error));
        stop.abort();
        await sleeping;
        await sleep(1).catch((error) => caught.push(error));
      }),
      { signal: stop.signal },
    );

    expect(caught).toMatchObject(Array(2).fill({ name: "AbortError", code: "ABORT_ERR" }));
    expect(actionsOf(rehearsal)).toEqual(["started", "stopped"]);
  });
});

describe("once it is over,", () => {
  test("what the task has left going neither speaks nor throws", async () => {
    const rounds: number[] = [];
    const rehearsal = await rehearse(
      single((scope) => {
        void (async () => {
          for (let round = 0; ; round += 1) {
            rounds.push(round);
            await scope.sleep(1);
            await scope.update();
            scope.log.info("still here");
            await scope.publish("t", {});
          }
        })();
      }),
    );
    const { announcements, printed, published } = structuredClone(rehearsal);
    const count = rounds.length;

    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);

    expect(rounds).toHaveLength(count);
    expect(rehearsal).toEqual({ ...NOTHING_SAID, announcements, printed, published });
    expect(actionsOf(rehearsal).at(-1)).toBe("stopped");
  });

  test("what holds the task's signal is told to stop", async () => {
    let signal: AbortSignal | undefined;

    await rehearse(
      single((scope) => {
        signal = scope.signal;
      }),
    );

    expect(signal?.aborted).toBe(true);
  });
});

test("no rehearsal leaves a timer, a listener or a promise without its end, whatever the task does", async () => {
  const step = fc.constantFrom("update", "fail", "sleep", "publish", "onControl", "throw", "stop", "forget");
  const plan = fc.record({
    kind: fc.constantFrom("single" as const, "looped" as const),
    steps: fc.array(step, { maxLength: 8 }),
    rounds: fc.integer({ min: 1, max: 3 }),
  });
  const rejected = vi.fn();
  process.on("unhandledRejection", rejected);
  const timers = watchTimers();

  await fc.assert(
    fc.asyncProperty(plan, async ({ kind, steps, rounds }) => {
      const stop = new AbortController();
      const removed = vi.spyOn(stop.signal, "removeEventListener");

      const task = defineTask({ kind, run: (scope) => perform(steps, scope, stop) });
      const rehearsal = await timers.during(() => rehearse(task, { rounds, signal: stop.signal }));

      expect(actionsOf(rehearsal)[0]).toBe("started");
      expect(actionsOf(rehearsal).at(-1)).toBe("error" in rehearsal ? "failed" : "stopped");
      expect(removed).toHaveBeenCalledTimes(1);
      expect([...timers.open]).toEqual([]);
    }),
  );
  process.off("unhandledRejection", rejected);
  timers.end();

  expect(rejected).not.toHaveBeenCalled();
});

/** The timers that were made within a function, and what followed from it, and have neither fired nor been cleared. */
function watchTimers() {
  const within = new AsyncLocalStorage<true>();
  const open = new Map<number, string>();
  const close = (id: number) => void open.delete(id);
  const hook = createHook({
    init(id, type) {
      if (within.getStore() && /^(Timeout|Immediate)$/.test(type)) open.set(id, type);
    },
    after: close,
    destroy: close,
  }).enable();
  return { open, during: <T>(work: () => T) => within.run(true, work), end: () => hook.disable() };
}

async function perform(steps: readonly string[], scope: Scope, stop: AbortController): Promise<void> {
  for (const step of steps) {
    if (step === "update") await scope.update({ step });
    if (step === "fail") await scope.fail(step);
    if (step === "sleep") await scope.sleep(A_DAY_MS);
    if (step === "publish") await scope.publish(step, { step });
    if (step === "onControl") await scope.onControl(() => {});
    if (step === "throw") throw new Error(step);
    if (step === "stop") stop.abort();
    if (step === "forget") scope.sleep(A_DAY_MS).catch(() => {});
  }
}

test.each([
  ["nothing", undefined, "a task without the function run"],
  ["a service", { name: "n", description: "", task: single(() => {}) }, "a task without the function run"],
  ["a daily task", { kind: "daily", run() {} }, 'a task of the kind "daily"'],
])("%s is not rehearsed", async (_, task, got) => {
  await expect(rehearse(task as never)).rejects.toMatchObject({
    code: "ERR_SERVICE_INVALID",
    message: expect.stringContaining(got),
  });
});
