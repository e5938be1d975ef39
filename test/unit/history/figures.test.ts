import { describe, expect, test } from "vitest";
import { figuresOf } from "../../../src/history/figures.ts";

describe("the figures out of the entries of the bus", () => {
  test("are of the whole tree where there is one, rounded, and leave out tasks without any", () => {
    const entries = [
      { serviceId: "a", cpu_percent: 1, rss: 1, total: { cpu_percent: 12.345, rss: 2 } },
      { serviceId: "b", cpu_percent: 3, rss: 0.5 },
      { serviceId: "c" },
      null,
    ];

    expect(figuresOf("T1", entries, 5)).toEqual({
      transaction: "T1",
      atMs: 5,
      tasks: { a: [12.3, 2_097_152], b: [3, 524_288] },
    });
  });
});
