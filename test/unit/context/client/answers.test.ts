import { describe, expect, test } from "vitest";
import { readOrders, readTasks, readTasksOf } from "../../../../src/context/client/answers.ts";
import { newRecord } from "../../../../src/context/task/record.ts";
import * as report from "../../../../src/context/transaction/report.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";
import { task } from "../task.ts";

const db = newRecord(task("db"));
const record = { configuration: {}, contextId: "", contextLogName: "", contextName: "", tasks: [db] };
const info = (items?: JsonObject) => report.contextInfo({ contextId: "", transaction: "T1" }, [{ T1: record }], items);

describe("the tasks of a transaction", () => {
  test("are read as they were written", () => {
    const tasks = [db, { ...db, service_id: "app", lifecycle: "blocked", reason: "waits for db", waits_for: ["db"] }];

    expect(readTasks({ tasks })).toEqual(tasks);
    expect(readTasks({})).toEqual([]);
  });

  test.each([
    ["a list that is none", "db"],
    ["a task without a name", [{ ...db, service_id: undefined }]],
    ["a state that there is not", [db, { ...db, lifecycle: "asleep" }]],
    ["a pid that is a text", [{ ...db, pid: "4312" }]],
    ["one that waits for a number", [{ ...db, waits_for: [1] }]],
  ])("are not read from %s", (_, tasks) => {
    expect(readTasks({ tasks })).toBeUndefined();
  });

  test("are found among those of others", () => {
    expect(readTasksOf("T1", info())).toEqual([db]);
    expect(readTasksOf("T2", info())).toBeUndefined();
  });
});

// Names that every object inherits; a task or a transaction may be called so.
describe.each(["constructor", "toString", "valueOf", "hasOwnProperty"])("with the name %s", (name) => {
  test("there are no tasks of a transaction that no message holds", () => {
    expect(readTasksOf(name, info())).toBeUndefined();
  });

  test("there is no order that was not given, and one that was is read", () => {
    expect(readOrders(info({ orders: { db: "stop" } }))?.get(name)).toBeUndefined();
    expect(readOrders(info({ orders: { [name]: "stop" } }))?.get(name)).toBe("stop");
  });
});

test("orders are read from an answer of the provider that has them, each a word", () => {
  expect(readOrders(info({ orders: { db: "start" } }))).toEqual(new Map([["db", "start"]]));
  expect(readOrders(info({ orders: { db: 1 } }))).toBeUndefined();
  expect(readOrders(info())).toBeUndefined();
});
