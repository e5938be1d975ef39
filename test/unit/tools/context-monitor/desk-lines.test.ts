import { describe, expect, test } from "vitest";
import type { LogRecord } from "../../../../src/logs/records.ts";
import {
  lastLogLines,
  letterLines,
  logLines,
  openedLines,
  whyLines,
} from "../../../../tools/context-monitor/desk-lines.ts";
import type { Line } from "../../../../tools/context-monitor/terminal/pieces.ts";

const TIME = "2026-01-31T12:00:00.000Z";

function record(line: string, about: object = {}): LogRecord {
  return { time: TIME, task: "pump", transaction: "T1", run: 1, stream: "stdout", line, ...about };
}

function textsOf(lines: readonly Line[]): string[] {
  return lines.map((line) => [line].flat().reduce((text, piece) => text + piece.text, ""));
}

const log = (...records: LogRecord[]) => ({ records, isRead: true });

describe("the log of a task", () => {
  test("has the day above the first line, streams told apart, fields, and what is missing", () => {
    const gap: LogRecord = { time: TIME, task: "pump", lost: 7, reason: "a full disk" };
    const records = [record("one", { fields: { litres: 2 } }), record("leak", { stream: "stderr" }), gap];

    const texts = textsOf(logLines(log(...records), "", 80));

    expect(texts[0]).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(texts.slice(1).map((text) => text.slice(13))).toEqual([
      "| one litres=2",
      "! leak",
      "- 7 lines are missing: a full disk",
    ]);
  });

  test("breaks long lines where all is shown, and only there", () => {
    const long = record("x".repeat(200));

    expect(Math.max(...textsOf(logLines(log(long), "", 80)).map(({ length }) => length))).toBe(80);
    expect(textsOf(lastLogLines(log(long), 5))).toHaveLength(2);
  });

  test("shows the lines with the words that are searched, in whatever case", () => {
    const texts = textsOf(logLines(log(record("One"), record("two")), "one", 80));

    expect(texts.filter((text) => text.includes("|"))).toEqual([expect.stringContaining("| One")]);
    expect(textsOf(logLines(log(record("One")), "three", 80))).toEqual(['No line contains "three".']);
  });

  test("says why there is nothing", () => {
    expect(textsOf(logLines(log(), "", 80))).toEqual(["It has printed nothing yet."]);
    expect(textsOf(logLines({ records: [], isRead: false }, "", 80))).toEqual(["reading"]);
    expect(textsOf(logLines({ records: [], isRead: true, fault: "no folder" }, "", 80))).toEqual(["no folder"]);
  });

  test("can't control the terminal", () => {
    expect(textsOf(logLines(log(record("\u001b[2Jrude")), "", 80)).join("")).not.toContain("\u001b");
  });
});

test("what is not read yet is said, and why it can't be", () => {
  expect(textsOf(whyLines({}, { columns: 80, nowMs: 0 }))).toEqual(["reading"]);
  expect(textsOf(whyLines({ fault: "nothing is known" }, { columns: 80, nowMs: 0 }))).toEqual(["nothing is known"]);
  expect(textsOf(letterLines({ answer: [] }, 0))).toEqual(["No group has given up an event."]);
  expect(textsOf(openedLines({ fault: "the provider is away" }))).toEqual(["the provider is away"]);
});

const letter = {
  ...{ id: "1-7", event: "orders.created", group: "billing", reason: "attempts", attempts: 5, handler: "Bill" },
  ...{ first_at: 0, last_at: 0, error: { name: "Error", message: "no\u001b[2J bus" } },
};

test("dead letters are a table, and one of them is shown with what it says", () => {
  const [head, row] = textsOf(letterLines({ answer: [letter] }, 0));
  const opened = textsOf(openedLines({ answer: { ...letter, payload: { id: 7 } } }));

  expect(head?.trim().split(/ {2,}/)).toEqual(["LAST", "EVENT", "GROUP", "REASON", "ATTEMPTS", "ERROR"]);
  expect(row).toMatch(/^> \S+ {2}orders\.created {2}billing {2}attempts {2}5 +Error: no bus$/);
  expect(opened).toContain('  "id": 7');
  expect(opened.join("")).not.toContain("\u001b");
});
