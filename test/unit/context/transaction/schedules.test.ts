// A task with a schedule in a transaction: its times, its stops, and what another provider knows of them.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_SUPERVISION, type TaskServiceConfig } from "../../../../src/config/context-config.ts";
import type { ResumableTransaction } from "../../../../src/context/journal/recall.ts";
import type { ProviderEvent } from "../../../../src/context/transaction/observer.ts";
import { createTransactions, type TransactionsOptions } from "../../../../src/context/transaction/transactions.ts";
import { silent } from "../../../../src/log.ts";
import { task } from "../task.ts";
import { createMachine, pause } from "./engine.ts";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "performance", "Date"],
    now: Date.parse("2026-03-01T12:00Z"),
  });
});
afterEach(() => void vi.useRealTimers());

const HOURLY = { cron: "0 * * * *", zone: "UTC", catchUp: false };

function scheduled(schedule = HOURLY): TaskServiceConfig {
  return task("backup", { supervision: { ...DEFAULT_SUPERVISION, schedule } });
}

/** The transactions of a provider with this task in its file. */
function provide(own: TaskServiceConfig, seen = new Map<string, number>()) {
  const machine = createMachine();
  const told: string[] = [];
  const transactions = createTransactions({
    host: machine.host,
    config: () => ({
      contextId: "c",
      logName: "",
      tasks: [own],
      strategy: "one_for_one",
      supervision: DEFAULT_SUPERVISION,
    }),
    addresses: {},
    journal: { write() {} },
    lastSequence: 0,
    incarnation: "i-1",
    send: () => true,
    inputFaults: { counts: {}, add() {} },
    log: silent,
    observer(event: ProviderEvent) {
      if (event.type === "noted") told.push(event.phrase);
      if (event.type === "moved" && event.transition.to === "starting") told.push(`start by ${event.transition.cause}`);
    },
    scheduleMemory: {
      seenMs: (id: string) => seen.get(id),
      saw: (id: string, _: object, atMs: number) => void seen.set(id, atMs),
    },
  } as unknown as TransactionsOptions);
  const present = () => transactions.find("T1")?.task("backup");
  return {
    ...{ transactions, told, seen },
    state: () => present()?.standing.state,
    obey: (action: "define" | "start" | "stop") => transactions.open("T1", "context").obey([{ task: own, action }]),
    async ends() {
      const supervised = present();
      if (supervised === undefined) throw new Error("there is no task");
      for (const deed of ["spawned", "saysStarted", "ends"] as const) {
        machine.let(deed, supervised);
        await pause("turn");
      }
    },
  };
}

/** By the clock on the wall. */
async function minutes(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    vi.advanceTimersByTime(60_000);
    await pause("turn");
  }
}

test("a task is started at each time of its schedule, and its transaction stays open in between", async () => {
  const { obey, told, state, ends, transactions } = provide(scheduled());
  obey("define");
  await minutes(59);
  expect(told).toEqual([]);

  await minutes(1);
  expect(told).toEqual(["start by its schedule"]);
  await ends();

  expect(state()).toBe("exited");
  expect(transactions.running()).toEqual(["T1"]);
  await minutes(60);
  expect(told).toEqual(["start by its schedule", "start by its schedule"]);
});

test("a time that comes while the run before goes on is skipped, and told", async () => {
  const { obey, told } = provide(scheduled());
  obey("define");

  await minutes(120);

  expect(told).toEqual(["start by its schedule", "run skipped"]);
});

test("a stop ends the transaction of a task that waits for its time", async () => {
  const { obey, transactions, ends, told } = provide(scheduled());
  obey("define");
  await minutes(60);
  await ends();

  obey("stop");
  await pause("turn");
  await minutes(120);

  expect(transactions.running()).toEqual([]);
  expect(told).toEqual(["start by its schedule"]);
});

test("a start after a stop switches the schedule on again, and nothing was missed", async () => {
  const own = scheduled();
  const { obey, told, ends, transactions } = provide(own);
  transactions.open("T1", "context").obey([{ task: task("other"), action: "start" }]);
  obey("define");
  obey("stop");
  await minutes(180);
  expect(told).toEqual(["start by command"]);

  obey("start");
  await pause("turn");
  await ends();
  await minutes(60);

  expect(told).toEqual(["start by command", "start by command", "start by its schedule"]);
});

test.each([
  [false, ["run missed"]],
  [true, ["run missed", "start by its schedule"]],
])("what another provider has missed is told, and made up for: %s", async (catchUp, expected) => {
  const own = scheduled({ ...HOURLY, catchUp });
  const seen = new Map([["backup", Date.parse("2026-03-01T08:00Z")]]);
  vi.setSystemTime(Date.parse("2026-03-01T12:30Z"));
  const { transactions, told } = provide(own, seen);
  const left = { id: "backup", state: "exited", isWanted: false, runs: 1, exits: [] } as const;
  const before: ResumableTransaction = { id: "T1", contextName: "context", tasks: [left] };

  transactions.resume(before);
  vi.advanceTimersByTime(1);
  await pause("turn");

  expect(transactions.running()).toEqual(["T1"]);
  expect(told).toEqual(expected);
  expect(seen.get("backup")).toBe(Date.parse("2026-03-01T12:00Z"));
});

test("another schedule holds as soon as the file has it, and none as soon as it has none", async () => {
  const own = scheduled();
  const { obey, told, ends, transactions } = provide(own);
  obey("define");
  const redefine = (next: TaskServiceConfig) => transactions.find("T1")?.reload.redefine([next]);

  redefine(scheduled({ ...HOURLY, cron: "*/10 * * * *" }));
  await minutes(10);
  expect(told).toEqual(["start by its schedule"]);
  await ends();
  redefine(task("backup"));
  await minutes(60);

  expect(told).toEqual(["start by its schedule"]);
});
