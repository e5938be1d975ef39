import { expect, test } from "vitest";
import { dispatch } from "../../../../src/context/provider/dispatch.ts";
import { openTransaction } from "../../../../src/context/transaction/transaction.ts";
import { deferred } from "../../../../src/deferred.ts";
import type { RunEvents } from "../../../../src/launch/task-run.ts";
import { createLiveness } from "../../../../src/liveness.ts";
import type { Message } from "../../../../src/protocol/message.ts";
import { task } from "../task.ts";

const nothing = () => {};
const endpoints = { publish: "", subscribe: "" };
const program = task("ts_1", {
  command: { program: "store", words: [], readyAfterMs: 3_600_000 },
  triggers: { on_exit: { action: "restart", call: ["ts_1"] } },
});

test("F6: a stop between the end of a task and the trigger that restarts it is a stop of that task, too", async () => {
  const [launched, exited] = [deferred<RunEvents>(), deferred()];
  const transaction = openTransaction("T1", "context", {
    host: {
      contextId: () => "context001",
      endpoints,
      launcher: {
        launch(_run, _start, events) {
          launched.resolve(events);
          const caughtUp = async () => {};
          return { askToStop: nothing, bye: nothing, heard: nothing, caughtUp, kill: nothing, destroy: nothing };
        },
      },
      acquireStart: async () => nothing,
      liveness: createLiveness(),
      prepare: async () => ({ path: "/store", environment: {} }),
      codeChanged: () => expect.fail("it has no code"),
      programs: {
        probe: () => expect.fail("it has no probe"),
        liveness: () => ({ stop() {} }),
        stopCommand: async () => undefined,
      },
      nowMs: () => 0,
      publish: () => true,
      publishThrough: async () => {},
      caughtUp: async () => {},
    },
    config: () => ({ logName: "", tasks: [program], strategy: "one_for_one" }),
    addresses: {},
    observe({ standing }, { type }) {
      if (type === "moved" && standing.state === "exited") exited.resolve();
    },
    onQuiet: nothing,
  });
  const stop: Message = {
    kind: "context",
    header: { action: "stop", serviceId: "none", serviceName: "context", transaction: "T1" },
    configuration: {},
  };

  transaction.obey([{ task: program, action: "start" }]);
  const run = await launched.promise;
  run.onSpawned(1);
  run.onExit({ code: 0, signal: null, ended: [], wasKilled: false });
  await exited.promise;
  const decision = dispatch(stop, {
    contextId: "context001",
    ownTasks: [program],
    supervision: program.supervision,
    find: () => transaction.view,
    hasEnded: () => false,
    busy: () => [],
    whyUnknown: () => "",
    mayLoad: () => true,
  });
  if (decision.kind === "obey") transaction.obey(decision.orders);

  expect(decision).toMatchObject({ kind: "obey", orders: [{ action: "stop" }] });
  expect(transaction.view.get("ts_1")?.state).toBe("stopped");
});
