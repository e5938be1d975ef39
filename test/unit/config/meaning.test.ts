import { expect, test } from "vitest";
import { entersAtOnce, idsCalled } from "../../../src/config/meaning.ts";
import { task } from "../context/task.ts";

test.each([
  ["on_start", true],
  ["start_now", true],
  ["on_update", false],
  ["on_fail", false],
  ["on_exit", false],
  ["on_demand", false],
])("a task of entry type %s enters at once: %s", (entry, atOnce) => {
  expect(entersAtOnce(task("ts001", { entry }))).toBe(atOnce);
});

test("a call names tasks, or all of them by the context id or all, and each is called once", () => {
  const called = (call: string[], contextId = "context001") =>
    idsCalled({ action: "start", call }, contextId, ["ts001", "ts002"]);

  expect(called(["ts002", "ts009", "ts002"])).toEqual(["ts002", "ts009"]);
  expect(called(["all"])).toEqual(["ts001", "ts002"]);
  expect(called(["ts002", "context001"])).toEqual(["ts002", "ts001"]);
  expect(called([""], "")).toEqual([""]);
});
