import { describe, expect, test } from "vitest";
import type { LogRecord } from "../../../src/logs/records.ts";
import { createSelection, type Selection } from "../../../src/logs/selection.ts";

const TIME = "2026-01-31T12:00:00.000Z";
const LINE: LogRecord = { time: TIME, task: "ts_1", transaction: "T1", run: 1, stream: "stdout", line: "a pump leaks" };
const GAP: LogRecord = { time: TIME, task: "ts_1", lost: 3, reason: "ENOSPC" };
const AT_MS = Date.parse(TIME);

describe("of a log", () => {
  test.each<[string, Selection, boolean, boolean]>([
    ["everything is meant", {}, true, true],
    ["a task", { tasks: ["ts_2", "ts_1"] }, true, true],
    ["another task", { tasks: ["ts_11", "TS_1", "s_1"] }, false, false],
    ["tasks by a pattern", { tasks: ["ts*"] }, true, true],
    ["a pattern that only looks like one of a regular expression", { tasks: ["ts.1", "t*2"] }, false, false],
    ["a transaction", { transaction: "T1" }, true, true],
    ["another transaction", { transaction: "T2" }, false, true],
    ["a stream, and gaps are of none", { stream: "stdout" }, true, false],
    ["the other stream", { stream: "stderr" }, false, false],
    ["a time from that very moment on", { sinceMs: AT_MS, untilMs: AT_MS }, true, true],
    ["a later time", { sinceMs: AT_MS + 1 }, false, false],
    ["an earlier time", { untilMs: AT_MS - 1 }, false, false],
    ["words, which are in no gap", { matches: (line) => line.includes("pump") }, true, false],
    ["other words", { matches: (line) => line.includes("valve") }, false, false],
  ])("%s", (_, selection, line, gap) => {
    const isMeant = createSelection(selection);

    expect([isMeant(LINE), isMeant(GAP)]).toEqual([line, gap]);
  });
});
