// What a provider takes up of what an earlier one has left, and what it has its journal keep for the next one.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../../src/config/context-config.ts";
import { nothingToResume, type Resumable, recollect } from "../../../../src/context/journal/recall.ts";
import type { JournalEntry } from "../../../../src/context/journal/records.ts";
import type { ProviderEvent } from "../../../../src/context/transaction/observer.ts";
import { createTransactions, type TransactionsOptions } from "../../../../src/context/transaction/transactions.ts";
import { silent } from "../../../../src/log.ts";
import type { TaskState } from "../../../../src/protocol/task-state.ts";
import { task } from "../task.ts";
import { createMachine, pause, stopTheClock } from "./engine.ts";

beforeEach(stopTheClock);
afterEach(() => void vi.useRealTimers());

/** The transactions of a provider with these tasks in its file, and what the journal keeps of them. */
function provide(...tasks: TaskServiceConfig[]) {
  let known: Resumable = nothingToResume;
  const told: ProviderEvent[] = [];
  const write = (entry: JournalEntry): void => {
    const next = recollect(known, entry);
    if ("fault" in next) throw new Error(next.fault);
    known = next;
  };
  const transactions = createTransactions({
    host: createMachine().host,
    config: () => ({ contextId: "c", logName: "", tasks, strategy: "one_for_one", supervision: DEFAULT_SUPERVISION }),
    addresses: {},
    journal: { write },
    lastSequence: 0,
    incarnation: "i-1",
    send: () => true,
    inputFaults: { counts: {}, add() {} },
    log: silent,
    observer: (event: ProviderEvent) => told.push(event),
  } as unknown as TransactionsOptions);
  return { transactions, told, known: () => known };
}

function left(id: string, state: TaskState, isWanted = false) {
  return { id, state, isWanted, runs: 1, exits: [] };
}

test("a transaction that was being stopped when its provider was killed is over", () => {
  const { transactions, known } = provide(task("ts001"), task("ts002"));

  const tasks = [left("ts001", "stopping"), left("ts002", "stopped")];
  const wanted = transactions.resume({ id: "T1", contextName: "context", tasks });

  expect(wanted).toEqual([]);
  expect(transactions.running()).toEqual([]);
  expect(known().transactions).toEqual([]);
});

test("one of that name that is started right after that has nothing to do with it", async () => {
  const own = task("ts001");
  const { transactions } = provide(own);
  transactions.resume({ id: "T1", contextName: "context", tasks: [left("ts001", "stopping")] });

  transactions.open("T1", "context").obey([{ task: own, action: "start" }]);
  await pause("turn");

  expect(transactions.running()).toEqual(["T1"]);
});

test("one of which nothing ran, and something may still be started by hand, goes on, and ends when it is quiet", async () => {
  const { transactions } = provide(task("ts001"), task("ts002", { entry: "on_update" }));
  const tasks = [left("ts001", "exited"), left("ts002", "defined")];
  transactions.resume({ id: "T1", contextName: "context", tasks });
  expect(transactions.running()).toEqual(["T1"]);

  const over = transactions.untilDone("T1");
  await pause("turn");

  expect(await over).toMatchObject({ tasks: [{ state: "exited" }, { state: "stopped" }] });
});

test("a task that had failed still has its reason and its exit code", () => {
  const { transactions } = provide(task("ts001"), task("ts002"));
  const failed = { ...left("ts001", "failed"), reason: "the disk is full", code: 3 };
  transactions.resume({ id: "T1", contextName: "context", tasks: [failed, left("ts002", "running", true)] });

  const [first] = transactions.find("T1")?.tasks ?? [];

  expect(first?.record).toMatchObject({ lifecycle: "failed", reason: "the disk is full" });
  expect(first?.lastExit).toMatchObject({ code: 3, signal: null });
});

test("a transaction is whole once it has all tasks of the file, and has those that are added to the file later", () => {
  const [camera, lidar] = [task("camera"), task("lidar")];
  const before = provide(camera);
  before.transactions.open("T1", "context").obey([{ task: camera, action: "start" }]);
  const [kept] = before.known().transactions;
  expect(kept).toMatchObject({ isWhole: true });

  const after = provide(camera, lidar);
  if (kept !== undefined) after.transactions.resume(kept);

  expect(
    [...(after.transactions.find("T1")?.tasks ?? [])].map((one) => `${one.task.id} ${one.standing.state}`),
  ).toEqual(["camera starting", "lidar starting"]);
  expect(after.known().transactions).toMatchObject([{ isWhole: true, tasks: [{ id: "camera" }, { id: "lidar" }] }]);
});

test("the definition that a command brings is what the next provider resumes", () => {
  const own = task("ts001");
  const { transactions, known } = provide(own);
  const transaction = transactions.open("T1", "context");
  transaction.obey([{ task: own, action: "start" }]);
  const louder = { ...own, configuration: { device_action: "shout", volume: "11" } };

  transaction.obey([{ task: louder, action: "restart" }]);

  expect(known().transactions[0]?.tasks[0]?.body).toMatchObject({
    Task: { message: { content: { configuration: { volume: "11" } } } },
  });
});

test("a task that came by message is resumed with the supervision that the file gives its id", () => {
  const own = task("ts001", { supervision: { ...DEFAULT_SUPERVISION, restart: "always", graceMs: 1 } });
  const before = provide(own);
  const brought = { ...own, configuration: { device_action: "shout", volume: "11" } };
  before.transactions.open("T1", "context").obey([{ task: brought, action: "start" }]);
  const [transaction] = before.known().transactions;

  const { transactions } = provide(own);
  if (transaction !== undefined) transactions.resume(transaction);

  const [resumed] = [...(transactions.find("T1")?.tasks ?? [])];
  expect(resumed?.task).toMatchObject({
    configuration: { volume: "11" },
    supervision: { restart: "always", graceMs: 1 },
  });
});

test("a start that waits for the end of a run is one that the next provider resumes, unless a stop follows it", async () => {
  const own = task("ts001");
  const { transactions, known } = provide(own);
  const transaction = transactions.open("T1", "context");
  const isWanted = () => known().transactions[0]?.tasks[0]?.isWanted;
  transaction.obey([{ task: own, action: "start" }]);
  transaction.obey([{ task: own, action: "stop" }]);
  expect(isWanted()).toBe(false);

  transaction.obey([{ task: own, action: "start" }]);
  expect(isWanted()).toBe(true);

  transaction.obey([{ task: own, action: "stop" }]);
  expect(isWanted()).toBe(false);
});

test("a transaction that had ended when its provider was killed is shown as it was, until another begins", () => {
  const own = task("ts001");
  const { transactions, told } = provide(own);
  const failed = {
    ...left("ts001", "failed"),
    reason: "the disk is full",
    code: 3,
    exitTime: "2026-01-02T03:04:05.678Z",
  };
  const before = { id: "T1", contextName: "context", time: "2026-01-02T03:04:06.000Z", isAsked: false };

  transactions.recall([{ ...before, tasks: [failed] }]);

  expect(transactions.running()).toEqual([]);
  expect(transactions.ended()).toMatchObject([
    {
      ...{ transaction: "T1", isAsked: false },
      record: { ended: before.time, tasks: [{ lifecycle: "failed", reason: "the disk is full", runs: 1, pid: null }] },
    },
  ]);
  expect(told).toContainEqual({
    ...{ type: "recalled", transaction: "T1", task: "ts001", run: 1 },
    lastEnd: { time: failed.exitTime, code: 3, signal: undefined },
  });

  transactions.open("T2", "context").obey([{ task: own, action: "start" }]);
  expect(transactions.ended()).toEqual([]);
});
