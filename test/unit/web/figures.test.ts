import { describe, expect, test } from "vitest";
import { addRow, highest, noRows, recent, rowsOf } from "../../../web/figures.ts";

const history = {
  timesMs: [1_000, 2_000],
  tasks: { a: { cpuPercent: [1, 2], residentBytes: [10, 20] } },
};

describe("the rows behind the charts", () => {
  test("go on with what comes, new tasks included", () => {
    const rows = rowsOf(history);

    addRow(rows, { transaction: "T1", atMs: 3_000, tasks: { b: [5, 50] } });

    expect(rows.timesMs).toEqual([1_000, 2_000, 3_000]);
    expect(rows.tasks.get("a")?.cpuPercent).toEqual([1, 2, null]);
    expect(rows.tasks.get("b")?.residentBytes).toEqual([null, null, 50]);
  });

  test("take what is known already once", () => {
    const rows = rowsOf(history);

    addRow(rows, { transaction: "T1", atMs: 2_000, tasks: { a: [9, 9] } });

    expect(rows.tasks.get("a")?.cpuPercent).toEqual([1, 2]);
  });

  test("begin with none", () => {
    const rows = noRows();

    addRow(rows, { transaction: "T1", atMs: 1_000, tasks: { a: [1, 10] } });

    expect(recent(rows, "residentBytes", 500)).toEqual({ timesMs: [1_000], tasks: new Map([["a", [10]]]) });
  });

  test("are shown from so long ago on", () => {
    expect(recent(rowsOf(history), "cpuPercent", 500)).toEqual({ timesMs: [2_000], tasks: new Map([["a", [2]]]) });
  });
});

describe("the highest lines", () => {
  const values = new Map([
    ["a", [1, null]],
    ["b", [null, 9]],
    ["c", [5]],
    ["none", [null]],
    ["idle", [0]],
  ]);

  test("are those with the highest figures, in the order of their ids", () => {
    expect(highest(values, { most: 2, wanted: [] })).toEqual(["b", "c"]);
  });

  test("have the wanted tasks among them", () => {
    expect(highest(values, { most: 2, wanted: ["idle"] })).toEqual(["b", "idle"]);
  });

  test("have the idle only where there is room for all", () => {
    expect(highest(values, { most: 9, wanted: [] })).toEqual(["a", "b", "c", "idle"]);
    expect(highest(values, { most: 3, wanted: [] })).toEqual(["a", "b", "c"]);
  });

  test("are idle ones where all are idle", () => {
    const idle = new Map(["a", "b", "c"].map((id) => [id, [0, 0]]));

    expect(highest(idle, { most: 2, wanted: [] })).toEqual(["a", "b"]);
  });
});
