import { describe, expect, test } from "vitest";
import type { Command } from "../../../../src/context/client/command.ts";
import { trackCommand } from "../../../../src/context/client/command-progress.ts";
import type { SettledTask } from "../../../../src/context/client/command-state.ts";
import { newRecord } from "../../../../src/context/task/record.ts";
import * as report from "../../../../src/context/transaction/report.ts";
import { ZcontextError } from "../../../../src/errors.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";
import type { Message } from "../../../../src/protocol/message.ts";
import type { TaskRecord } from "../../../../src/protocol/task-record.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";

/** Ends a test that has failed; a test that passes never waits for it. */
const BOUND_MS = 20_000;
const OWN = "our request";

/** What tasks were told, as it travels. */
interface Orders {
  [task: string]: string;
}

type Shown = [id: string, state: TaskState, items?: { runs?: number; reason?: string; waits_for?: string[] }];

function recordsOf(shown: Shown[]): TaskRecord[] {
  return shown.map(([id, lifecycle, items]) => ({ ...newRecord(task(id)), lifecycle, runs: 1, ...items }));
}

function info(shown: Shown[], { requestId, ...items }: { requestId?: string; orders?: Orders } = {}): Message {
  const record = { configuration: {}, contextId: "", contextLogName: "", contextName: "", tasks: recordsOf(shown) };
  return report.contextInfo({ contextId: "", transaction: "T1", requestId }, [{ T1: record }], items as JsonObject);
}

/** Follows a command that was accepted; `states` is what the provider answers, question by question, the last one for ever. */
function tracked(action: Command["action"], orders: Orders, before: Shown[], ...states: Shown[][]) {
  const header = { action: "reply_context", serviceId: "", serviceName: "state", transaction: "T1" };
  let asked = 0;
  const { hear, settled } = trackCommand(
    { action, transaction: "T1" },
    {
      requestId: OWN,
      async ask() {
        const tasks = recordsOf(states[Math.min(asked, states.length - 1)] ?? []);
        asked += 1;
        hear({ kind: "state", header, content: { tasks } });
      },
      findLoss: async () => undefined,
    },
  );
  hear(info(before, { requestId: OWN, orders }));
  return {
    hear,
    shows: (...shown: Shown[]) => hear(info(shown)),
    say: (id: string, action: string, items: JsonObject = {}) =>
      hear({
        kind: "control",
        header: { action, serviceId: id, serviceName: id, transaction: "T1" },
        status: { result: "success", device_action: "", ...items },
      }),
    settled: () => settled(BOUND_MS),
    get asked() {
      return asked;
    },
  };
}

const outcomesOf = (tasks: SettledTask[]) =>
  tasks.map(({ service_id, lifecycle, outcome, reason }) => [service_id, lifecycle, outcome, reason].join(" ").trim());

test.each(["constructor", "toString", "hasOwnProperty"])(
  "a failed task called %s has no part in a command that does not name it",
  async (name) => {
    const failed: Shown = [name, "failed", { reason: "exit code 3" }];
    const restart = tracked("restart", { camera: "restart" }, [["camera", "running"], failed]);

    restart.shows(["camera", "running", { runs: 2 }], failed);

    expect(outcomesOf(await restart.settled())).toEqual(["camera running success", `${name} failed  exit code 3`]);
  },
);

describe("a start", () => {
  test("is not decided by the word of a task that has failed and comes back", async () => {
    const start = tracked("start", { app: "start" }, [], [["app", "backingOff", { reason: "crashed" }]]);

    start.shows(["app", "starting"]);
    start.say("app", "failed", { result: "failure", reason: "crashed" });
    start.shows(["app", "backingOff", { reason: "crashed" }]);
    start.shows(["app", "running", { runs: 2 }]);

    expect(outcomesOf(await start.settled())).toEqual(["app running success"]);
  });

  test("has failed when the provider still says so once triggers had their turn", async () => {
    const start = tracked("start", { app: "start" }, [], [["app", "failed", { reason: "the pump is dry" }]]);

    start.shows(["app", "failed", { reason: "the pump is dry" }]);

    expect(outcomesOf(await start.settled())).toEqual(["app failed failure the pump is dry"]);
    expect(start.asked).toBe(1);
  });

  test("goes on when a trigger has started the failed task again", async () => {
    const start = tracked("start", { app: "start" }, [], [["app", "backingOff"]]);

    start.shows(["app", "failed"]);
    start.shows(["app", "running", { runs: 2 }]);

    expect(outcomesOf(await start.settled())).toEqual(["app running success"]);
  });

  test("ends with the failure of a task that waits for one that has failed for good", async () => {
    const end: Shown[] = [
      ["db", "failed", { reason: "crashed" }],
      ["app", "blocked", { reason: "waits for db (failed)", waits_for: ["db"] }],
      ["web", "running"],
    ];
    const start = tracked("start", { db: "start", app: "start", web: "start" }, [], end);

    start.shows(...end);

    expect(outcomesOf(await start.settled())).toEqual([
      "db failed failure crashed",
      "app blocked failure waits for db (failed)",
      "web running success",
    ]);
  });

  test("has failed for a task that was stopped before it ran, though its last run was a success", async () => {
    const start = tracked("start", { app: "start" }, [["app", "stopped"]], [["app", "stopped"]]);

    start.shows(["app", "blocked", { reason: "waits for db (starting)" }]);
    start.shows(["app", "stopped"]);

    expect(outcomesOf(await start.settled())).toEqual(["app stopped failure was stopped before it ran"]);
  });

  test("has succeeded for a task that has said that it has started, and was stopped", async () => {
    const start = tracked("start", { app: "start" }, []);

    start.say("app", "started");
    start.shows(["app", "stopped"]);

    expect(outcomesOf(await start.settled())).toEqual(["app stopped success"]);
  });

  test("ends as the provider remembers it when the transaction is over before a message told of it", async () => {
    const { hear, settled } = trackCommand(
      { action: "start", transaction: "T1" },
      {
        requestId: OWN,
        ask: async () => {
          throw new ZcontextError("ERR_TRANSACTION_UNKNOWN", 'transaction "T1" has ended: app stopped');
        },
        findLoss: async () => undefined,
      },
    );
    hear(info([], { requestId: OWN, orders: { app: "start" } }));

    await expect(settled(BOUND_MS)).rejects.toMatchObject({ message: 'transaction "T1" has ended: app stopped' });
  });

  test("that is late says what each task waits for, and for how many seconds we have waited", async () => {
    const { hear, settled } = trackCommand(
      { action: "start", transaction: "T1" },
      { requestId: OWN, ask: async () => {}, findLoss: async () => undefined },
    );
    hear(info([], { requestId: OWN, orders: { app: "start" } }));
    hear(info([["app", "blocked", { reason: "waits for db (stopped)" }]]));

    await expect(settled(1)).rejects.toMatchObject({
      code: "ERR_REQUEST_TIMEOUT",
      message: "start of T1: still waiting for app (blocked: waits for db (stopped)) after 0.001 s",
    });
  });
});

test("a restart has failed when its task is stopped before the next run, whatever the last one says meanwhile", async () => {
  const restart = tracked("restart", { app: "restart" }, [["app", "starting"]], [["app", "stopped"]]);

  restart.shows(["app", "stopping"]);
  restart.say("app", "started");
  restart.shows(["app", "stopped"]);

  expect(outcomesOf(await restart.settled())).toEqual(["app stopped failure was stopped before it ran"]);
});

describe("a command is superseded", () => {
  test("at once by a later contrary one", async () => {
    const start = tracked("start", { app: "start" }, []);

    start.shows(["app", "starting"]);
    start.hear(info([["app", "starting"]], { requestId: "another", orders: { app: "stop" } }));

    expect(outcomesOf(await start.settled())).toEqual(["app starting superseded stop of app has superseded it"]);
  });

  test("for those tasks alone that the later one names and that were not there yet", async () => {
    const stop = tracked("stop", { app: "stop", db: "stop", web: "stop" }, [
      ["app", "running"],
      ["db", "running"],
      ["web", "running"],
    ]);

    stop.shows(["app", "stopping"], ["db", "stopped"], ["web", "stopping"]);
    stop.hear(
      info(
        [
          ["app", "stopping"],
          ["db", "stopped"],
          ["web", "stopping"],
        ],
        { orders: { app: "restart", db: "restart" } },
      ),
    );
    stop.shows(["app", "running"], ["db", "running"], ["web", "stopped"]);

    expect(outcomesOf(await stop.settled())).toEqual([
      "app running superseded restart of app has superseded it",
      "db running success",
      "web stopped success",
    ]);
  });

  test("neither by one that wants the same, nor by an earlier one whose answer comes twice", async () => {
    const { hear, settled } = trackCommand(
      { action: "start", transaction: "T1" },
      { requestId: OWN, ask: async () => {}, findLoss: async () => undefined },
    );
    const earlier = info([], { requestId: "earlier", orders: { app: "stop" } });
    hear(earlier);
    hear(info([], { requestId: OWN, orders: { app: "start" } }));

    hear(earlier);
    hear(info([["app", "blocked"]], { requestId: "later", orders: { app: "restart" } }));
    hear(info([["app", "running"]]));

    expect(outcomesOf(await settled(BOUND_MS))).toEqual(["app running success"]);
  });
});

describe("a command whose provider goes", () => {
  test("without a word ends with how it was lost", async () => {
    const { hear, settled } = trackCommand(
      { action: "start", transaction: "T1" },
      { requestId: OWN, ask: () => new Promise(() => {}), findLoss: async () => "the provider (pid 4312) is gone" },
    );
    hear(info([], { requestId: OWN, orders: { app: "start" } }));

    await expect(settled(BOUND_MS)).rejects.toMatchObject({
      code: "ERR_PROVIDER_GONE",
      message: "start of T1: the provider (pid 4312) is gone",
    });
  });

  test("is still followed when a peer claims so for a command that ends no provider", async () => {
    const start = tracked("start", { app: "start" }, []);

    start.hear(report.left(""));
    start.shows(["app", "running"]);

    expect(outcomesOf(await start.settled())).toEqual(["app running success"]);
  });
});
