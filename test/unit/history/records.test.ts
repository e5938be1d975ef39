import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRecord, type HistoryRecord, readRecord, timeOf } from "../../../src/history/records.ts";
import { createLineSplitter } from "../../../src/protocol/lines.ts";

const moment = fc.integer({ min: 0, max: 4e12 });
const ids = fc.string({ unit: "binary" });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const records: fc.Arbitrary<HistoryRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("figures" as const),
    transaction: ids,
    atMs: moment,
    tasks: fc.dictionary(ids, fc.tuple(fc.double({ min: 0, max: 1e4, noNaN: true }).map(Math.abs), fc.nat())),
  }),
  fc.record({
    kind: fc.constant("states" as const),
    transaction: ids,
    atMs: moment,
    tasks: fc.dictionary(ids, fc.tuple(ids, fc.nat())),
  }),
  fc.record({
    kind: fc.constant("provider" as const),
    event: fc.constantFrom("begin" as const, "runs" as const, "end" as const),
    atMs: moment,
    incarnation: ids,
    pid: fc.nat(),
    version: ids,
  }),
  fc.record({
    kind: fc.constant("transition" as const),
    ...{ transaction: ids, task: ids, sequence: fc.nat(), from: ids, to: ids, event: ids, run: fc.nat() },
    ...{ cause: optional(ids), reason: optional(ids), pid: optional(fc.nat()), code: optional(fc.nat()) },
    ...{ signal: optional(ids), time: moment.map((ms) => new Date(ms).toISOString()) },
  }),
);

function linesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  // What follows the last line end is not a line yet.
  createLineSplitter((line) => lines.push(line), 1e9).push(new TextDecoder().decode(bytes));
  return lines;
}

const plain = (record: HistoryRecord) => JSON.parse(JSON.stringify(record));

describe("a record of the history", () => {
  test("comes back from its line as it was", () => {
    fc.assert(
      fc.property(records, (record) => {
        const line = formatRecord(record);

        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(plain(readRecord(line.slice(0, -1)) as HistoryRecord)).toEqual(plain(record));
      }),
    );
  });

  test("is lost alone when the file is cut anywhere in it", () => {
    fc.assert(
      fc.property(fc.array(records, { maxLength: 8 }), fc.nat(), (written, at) => {
        const lines = written.map(formatRecord).map((line) => Buffer.from(line));
        const whole = Buffer.concat(lines);
        const cut = whole.subarray(0, at % (whole.length + 1));
        const wholeLines = lines.filter((_, index) => Buffer.concat(lines.slice(0, index + 1)).length <= cut.length);

        const read = linesOf(cut).map(readRecord);

        expect(read.map((record) => plain(record as HistoryRecord))).toEqual(
          written.slice(0, wholeLines.length).map(plain),
        );
      }),
    );
  });

  test("is found again behind a line that was cut off, once that has got its end", () => {
    const [first, second] = [1, 2].map((atMs) =>
      formatRecord({ kind: "figures", transaction: "T1", atMs, tasks: { ts001: [0.5, 1_000] } }),
    ) as [string, string];

    const read = linesOf(Buffer.from(`${first.slice(0, 20)}\n${second}`)).map(readRecord);

    expect(read).toEqual([undefined, expect.objectContaining({ atMs: 2 })]);
  });

  test("is passed over when a field is not what it should be, or its kind is unknown", () => {
    const figures = { kind: "figures", transaction: "T1", atMs: 1, tasks: { ts001: [1, 2] } };
    const wrong = [
      "",
      "{",
      "null",
      "[]",
      '"figures"',
      JSON.stringify({ ...figures, kind: "later" }),
      JSON.stringify({ ...figures, kind: "toString" }),
      JSON.stringify({ ...figures, transaction: 1 }),
      JSON.stringify({ ...figures, atMs: "1" }),
      JSON.stringify({ ...figures, atMs: 1e300 }),
      JSON.stringify({ ...figures, tasks: [] }),
      JSON.stringify({ ...figures, tasks: { ts001: [1] } }),
      JSON.stringify({ ...figures, tasks: { ts001: [1, "2"] } }),
      JSON.stringify(figures).replace("[1,2]", "[1e999,2]"),
      JSON.stringify({ kind: "transition", transaction: "T1", time: "soon" }),
      JSON.stringify({ kind: "provider", event: "pause", atMs: 1, incarnation: "", pid: 1, version: "" }),
    ];

    expect(wrong.map(readRecord)).toEqual(wrong.map(() => undefined));
  });

  test("leaves out what it does not know of a later version", () => {
    const later = { kind: "figures", transaction: "T1", atMs: 1, tasks: {}, disk: 7 };

    expect(readRecord(JSON.stringify(later))).toEqual({ kind: "figures", transaction: "T1", atMs: 1, tasks: {} });
  });

  test("keeps tasks whatever they are called", () => {
    const line =
      '{"kind":"states","transaction":"T1","atMs":1,"tasks":{"__proto__":["failed",1],"constructor":["failed",2]}}';

    expect(readRecord(line)).toHaveProperty("tasks", JSON.parse(line).tasks);
  });

  test("says when it was", () => {
    const step = {
      transaction: "T1",
      task: "ts001",
      sequence: 1,
      from: "starting",
      to: "running",
      event: "ready",
      run: 1,
    };

    expect(timeOf({ kind: "figures", transaction: "T1", atMs: 5, tasks: {} })).toBe(5);
    expect(timeOf({ kind: "transition", ...step, time: "1970-01-01T00:00:01.000Z" })).toBe(1_000);
  });
});
