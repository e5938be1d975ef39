// Actions: what one service has another one do, by its name or by the id of its task.
import { describe, expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import type { Handlers, RequestScope, TaskScope } from "../../../src/tasks/contract/task.ts";
import { defineTask, ServiceError } from "../../../src/tasks/define.ts";
import { rehearse } from "../../../src/tasks/rehearsal/rehearse.ts";

type Scope = TaskScope<unknown>;
type Others = { [service: string]: Handlers<unknown> };

/** Rehearses a service called `sender`, whose run is given, beside others. */
async function send(run: (scope: Scope) => Promise<void>, beside: Others = {}, own: Handlers<unknown> = {}) {
  const task = defineTask<unknown>({ ...own, kind: "single", run });
  const rehearsal = await rehearse(task, { configuration: {}, serviceName: "sender", serviceId: "ts_1", beside });
  if (rehearsal.error !== undefined) throw rehearsal.error;
  return rehearsal;
}

function recorder() {
  const seen: unknown[] = [];
  const next = deferred();
  return {
    seen,
    next: next.promise,
    action(message: unknown, { source }: RequestScope<unknown>) {
      seen.push([message, source]);
      next.resolve();
    },
  };
}

describe("an action that is submitted", () => {
  test("reaches the service of that name, which gets the message and knows who has sent it", async () => {
    const { seen, next, action } = recorder();

    const { submitted } = await send(
      async (scope) => {
        expect(await scope.submitAction("mailer", "SendEmail", { to: "foo@bar.com" })).toEqual({ delivered: 1 });
        await next;
      },
      { mailer: { actions: { SendEmail: action } } },
    );

    expect(seen).toEqual([[{ to: "foo@bar.com" }, "sender"]]);
    expect(submitted).toEqual([{ destination: "mailer", action: "SendEmail", message: { to: "foo@bar.com" } }]);
  });

  test("is not waited for", async () => {
    const finish = deferred();
    const done = deferred();

    await send(
      async (scope) => {
        expect(await scope.submitAction("mailer", "SendEmail")).toEqual({ delivered: 1 });
        finish.resolve();
        await done.promise;
      },
      {
        mailer: {
          actions: {
            async SendEmail() {
              await finish.promise;
              done.resolve();
            },
          },
        },
      },
    );
  });

  test("reaches a task by its id, with a dot in it or not", async () => {
    const { seen, next, action } = recorder();
    const task = defineTask<unknown>({ actions: { Show: action } });

    await rehearse(task, {
      ...{ configuration: {}, serviceName: "billing", serviceId: "ts.7", transaction: "T.1" },
      async plays(stage) {
        expect(await stage.bus.operations.services()).toMatchObject([
          { service: "billing" },
          { service: "ts%2E7@T%2E1" },
        ]);
      },
      beside: {},
    });
    await send(
      async (scope) => {
        expect(await scope.submitAction("ts_1", "Show", 1)).toEqual({ delivered: 1 });
        await next;
      },
      {},
      { actions: { Show: action } },
    );

    expect(seen).toEqual([[1, "sender"]]);
  });

  test.each(["nobody", "ts.99", "two words", "", "__proto__", "x@T1"])(
    "to %j, which is unknown, is a line of the log and never a rejection",
    async (destination) => {
      const { printed } = await send(async (scope) => {
        expect(await scope.submitAction(destination, "Show")).toEqual({ delivered: 0 });
      });

      expect(printed).toEqual([`There is no service called ${destination}`]);
    },
  );

  test("that the service does not have is a line of the log", async () => {
    const { printed } = await send(
      async (scope) => {
        expect(await scope.submitAction("mailer", "Send")).toEqual({ delivered: 0 });
      },
      { mailer: { actions: { SendEmail() {} } } },
    );

    expect(printed).toEqual(["The service mailer has no action Send"]);
  });

  test("with a message that JSON does not have is a line of the log", async () => {
    const { printed } = await send(
      async (scope) => {
        expect(await scope.submitAction("mailer", "SendEmail", { big: 1n })).toEqual({ delivered: 0 });
      },
      { mailer: { actions: { SendEmail() {} } } },
    );

    expect(printed).toEqual([expect.stringContaining("BigInt")]);
  });

  test("is reported by the service where it throws, and others go on", async () => {
    const { seen, next, action } = recorder();
    const task = defineTask({
      actions: {
        Fail() {
          throw new Error("no paper");
        },
        Show: action,
      },
      start() {},
    });

    const { printed } = await rehearse(task, {
      serviceName: "printer",
      async plays(stage) {
        await stage.submitAction("Fail");
        await stage.submitAction("Show", 1);
        await next;
      },
    });

    expect(seen).toEqual([[1, "stage"]]);
    expect(printed[0]).toBe("[printer] ERROR: action Fail, which stage has sent: no paper");
  });

  test("to * reaches every service that has it, the sender included; one that fails stops no other", async () => {
    const { seen, action } = recorder();
    const all = deferred();
    const note = (name: string) => ({
      actions: {
        Reset(message: unknown, scope: RequestScope<unknown>) {
          action([name, message], scope);
          if (seen.length === 3) all.resolve();
          if (name === "second") throw new Error("stuck");
        },
      },
    });

    const { submitted } = await send(
      async (scope) => {
        expect(await scope.submitAction("*", "Reset", 1)).toEqual({ delivered: 3 });
        await all.promise;
      },
      { first: note("first"), second: note("second"), other: { actions: { Show() {} } } },
      note("sender"),
    );

    expect(seen).toHaveLength(3);
    expect(new Set(seen.map((entry) => JSON.stringify(entry)))).toEqual(
      new Set(["first", "second", "sender"].map((name) => JSON.stringify([[name, 1], "sender"]))),
    );
    expect(submitted).toEqual([{ destination: "*", action: "Reset", message: 1 }]);
  });

  test("to * that nobody has is a line of the log", async () => {
    const { printed } = await send(async (scope) => {
      expect(await scope.submitAction("*", "Reset")).toEqual({ delivered: 0 });
    });

    expect(printed).toEqual(["There is no service with the action Reset"]);
  });

  test("Process of com is what submitMessage sends", async () => {
    const { seen, next, action } = recorder();

    const { submitted } = await send(
      async (scope) => {
        expect(await scope.submitMessage({ temperature: 22 })).toEqual({ delivered: 1 });
        await next;
      },
      { com: { actions: { Process: action } } },
    );

    expect(seen).toEqual([[{ temperature: 22 }, "sender"]]);
    expect(submitted).toEqual([{ destination: "com", action: "Process", message: { temperature: 22 } }]);
  });

  test("Process of com that fails is delivered to nobody, and a line says why", async () => {
    const { printed } = await send(
      async (scope) => {
        expect(await scope.submitMessage({ temperature: 22 })).toEqual({ delivered: 0 });
      },
      {
        com: {
          actions: {
            Process() {
              throw new ServiceError("DISK_FULL", "no space left");
            },
          },
        },
      },
    );

    expect(printed).toEqual(["no space left"]);
  });
});

describe("an action that is asked for", () => {
  test("answers", async () => {
    await send(
      async (scope) => {
        expect(await scope.ask("stock", "Count", { sku: 1 })).toEqual({ sku: 1, left: 3 });
        expect(await scope.ask("stock", "Nothing")).toBeNull();
      },
      { stock: { actions: { Count: (message) => ({ ...Object(message), left: 3 }), Nothing() {} } } },
    );
  });

  test("rejects with what it throws, and for one that is unknown", async () => {
    await send(
      async (scope) => {
        const failed = { code: "ERR_SERVICE_FAILED", message: "empty", executed: "yes" };
        await expect(scope.ask("stock", "Fail")).rejects.toMatchObject(failed);
        const noService = { code: "ERR_SERVICE_UNKNOWN", message: "There is no service called shop", executed: "no" };
        await expect(scope.ask("shop", "Count")).rejects.toMatchObject(noService);
        const noAction = { code: "ERR_ACTION_UNKNOWN", message: "The service stock has no action Cuont" };
        await expect(scope.ask("stock", "Cuont")).rejects.toMatchObject(noAction);
        await expect(scope.ask("*", "Count")).rejects.toMatchObject({ code: "ERR_USAGE" });
      },
      {
        stock: {
          actions: {
            Fail() {
              throw new Error("empty");
            },
          },
        },
      },
    );
  });

  test("gets a message that fits its schema", async () => {
    const SendEmail = {
      message: { type: "object", properties: { to: { type: "string" } }, required: ["to"] },
      handle: (message: { to: string }) => message.to.length,
    };

    const { printed } = await send(
      async (scope) => {
        expect(await scope.ask("mailer", "SendEmail", { to: "abc" })).toBe(3);
        await expect(scope.ask("mailer", "SendEmail", {})).rejects.toMatchObject({ code: "ERR_PARAMS_INVALID" });
        expect(await scope.submitAction("mailer", "SendEmail", {})).toEqual({ delivered: 0 });
      },
      { mailer: { actions: { SendEmail } } },
    );

    expect(printed).toEqual([expect.stringContaining("must have required property 'to'")]);
  });

  // M05: only what an object declares itself.
  class Base {
    inherited() {}
  }
  class Derived extends Base {
    declared = () => 1;
  }
  test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "inherited", "_private", "get_invoice"])(
    "by the name %s is refused like any that does not exist",
    async (name) => {
      const actions = Object.assign(new Derived(), { _private: () => 1 });
      await send(
        async (scope) => {
          expect(await scope.ask("service", "declared")).toBe(1);
          const refusal = { code: "ERR_ACTION_UNKNOWN", message: `The service service has no action ${name}` };
          await expect(scope.ask("service", name)).rejects.toMatchObject(refusal);
        },
        { service: { actions: { ...actions }, methods: { get_invoice: { handle: () => 1 } } } },
      );
    },
  );

  test("may be private to its service", async () => {
    await send(
      async (scope) => {
        expect(await scope.ask("sender", "_count", 2)).toBe(3);
        expect(await scope.ask("ts_1", "_count", 3)).toBe(4);
      },
      {},
      { actions: { _count: (message) => Number(message) + 1 } },
    );
  });
});

describe("the names Start, Stop and StateUpdate", () => {
  test("are the functions of the task", async () => {
    const done: unknown[] = [];
    const task = defineTask({
      start: () => void done.push("start"),
      stop: () => void done.push("stop"),
      stateUpdate: (state, { source }) => void done.push([state, source]),
    });

    await rehearse(task, {
      async plays(stage) {
        await stage.ask("Start");
        await stage.ask("StateUpdate", { desired: 1 });
        await stage.ask("Stop");
        await expect(stage.ask("Process")).rejects.toMatchObject({ code: "ERR_ACTION_UNKNOWN" });
      },
    });

    expect(done).toEqual(["start", "start", [{ desired: 1 }, "stage"], "stop", "stop"]);
  });

  test("report a Start that throws with fault code 90000, and the service goes on", async () => {
    let starts = 0;
    const task = defineTask({
      start() {
        starts += 1;
        if (starts > 1) throw new Error("no modem");
      },
      actions: { Ping: () => "pong" },
    });

    const { printed, announcements } = await rehearse(task, {
      serviceName: "modem",
      async plays(stage) {
        expect(await stage.submitAction("Start")).toEqual({ delivered: 1 });
        expect(await stage.ask("Ping")).toBe("pong");
      },
    });

    expect(printed[0]).toBe("[modem] ERROR 90000: action Start, which stage has sent: no modem");
    expect(announcements.map(({ action }) => action)).toEqual(["started", "stopped"]);
  });
});

test("an action that waits when its service stops is told so, and the stop is not held up", async () => {
  const begun = deferred();
  const ends: string[] = [];
  const task = defineTask({
    actions: {
      async Wait(_, { signal }) {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        ends.push("aborted");
      },
    },
    stop: () => void ends.push("stop"),
  });

  const { announcements } = await rehearse(task, {
    graceMs: 0,
    async plays(stage) {
      await stage.submitAction("Wait");
      await begun.promise;
    },
  });

  expect(ends).toEqual(["aborted", "stop"]);
  expect(announcements.at(-1)?.action).toBe("stopped");
});
