import { describe, expect, test } from "vitest";
import { readSince } from "../../../tools/since.ts";

const NOW_MS = Date.parse("2026-01-31T12:00:00Z");

describe("a time that lies back", () => {
  test.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["0s", 0],
  ])("is read from %s", (text, agoMs) => {
    expect(readSince(text, NOW_MS)).toBe(NOW_MS - agoMs);
  });

  test("may be a time of day somewhere, or here, or the beginning of a day here", () => {
    expect(readSince("2026-01-31T10:00:00Z", NOW_MS)).toBe(NOW_MS - 7_200_000);
    expect(readSince("2026-01-31T12:00+02:00", NOW_MS)).toBe(NOW_MS - 7_200_000);
    expect(readSince("2026-01-30T10:00", NOW_MS)).toBe(new Date(2026, 0, 30, 10).getTime());
    expect(readSince("2026-01-30", NOW_MS)).toBe(new Date(2026, 0, 30).getTime());
  });

  test.each(["", "1", "h", "-1h", "1w", "1 h", "tomorrow", "24:00", "2026", "2026-13-01", "2025-02-30", "1e9h"])(
    "is not %s",
    (text) => {
      expect(() => readSince(text, NOW_MS)).toThrow("--since: expected 90s, 15m, 1h, 2d, yesterday or a time");
    },
  );

  test("may be a word for a day, or the last time that clocks have shown something", () => {
    const now = new Date(2026, 0, 31, 12);

    expect(readSince("today", now.getTime())).toBe(new Date(2026, 0, 31).getTime());
    expect(readSince("yesterday", now.getTime())).toBe(new Date(2026, 0, 30).getTime());
    expect(readSince("11:59", now.getTime())).toBe(new Date(2026, 0, 31, 11, 59).getTime());
    expect(readSince("12:00:01", now.getTime())).toBe(new Date(2026, 0, 30, 12, 0, 1).getTime());
  });

  test("does not lie ahead", () => {
    expect(() => readSince("2026-02-01", NOW_MS)).toThrow("still to come");
  });
});
