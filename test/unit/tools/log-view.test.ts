import { describe, expect, test } from "vitest";
import { createDating, createTransactionSight } from "../../../tools/log-view.ts";

const EVENING = new Date(2026, 0, 31, 23, 59, 59, 7);
const MORNING = new Date(2026, 1, 1, 0, 0, 0, 0);

describe("the date of a line", () => {
  test("stands in each line of a file", () => {
    const dated = createDating(false);

    expect(dated(EVENING)).toEqual({ heading: undefined, stamp: "2026-01-31 23:59:59.007" });
  });

  test("stands above the first line of each day on a terminal", () => {
    const dated = createDating(true);

    expect([EVENING, EVENING, MORNING].map(dated)).toEqual([
      { heading: "2026-01-31", stamp: "23:59:59.007" },
      { heading: undefined, stamp: "23:59:59.007" },
      { heading: "2026-02-01", stamp: "00:00:00.000" },
    ]);
  });
});

test("a transaction is named once there are several, from then on", () => {
  const isNamed = createTransactionSight();

  expect(["T1", undefined, "T1", "T2", "T1", undefined].map(isNamed)).toEqual([false, false, false, true, true, false]);
});
