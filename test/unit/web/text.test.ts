import { describe, expect, test } from "vitest";
import { moment } from "../../../web/text.ts";

const HOUR_MS = 3_600_000;
const atMs = new Date(2026, 0, 31, 9, 5).getTime();

describe("a time of a chart", () => {
  test("is that of the day where it shows hours", () => {
    expect(moment(atMs, 6 * HOUR_MS)).toBe("09:05");
  });

  test("names the day where it shows more", () => {
    expect(moment(atMs, 24 * HOUR_MS)).toMatch(/31.* 09:05$/);
  });
});
