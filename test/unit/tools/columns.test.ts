import { expect, test } from "vitest";
import { columns } from "../../../tools/columns.ts";

test("columns end where their text ends, however wide another line makes them", () => {
  const [head = "", first = "", second = ""] = columns(
    ["TASK", "REASON"],
    [
      ["ts_1", ""],
      ["x".repeat(500_000), "y"],
    ],
  ).split("\n");

  expect(head).toMatch(/^TASK +REASON$/);
  expect(first).toBe("ts_1");
  expect(second).toHaveLength(500_003);
});
