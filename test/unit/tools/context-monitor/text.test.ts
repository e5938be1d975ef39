import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutMiddle } from "../../../../src/cut-middle.ts";
import {
  clean,
  columnsOf,
  cpuScale,
  cut,
  duration,
  fill,
  itemsText,
  memoryScale,
  sparkline,
  speaksUnicode,
} from "../../../../tools/context-monitor/terminal/text.ts";

describe("text from outside", () => {
  test.each([
    ["colours", "\u001b[31mred\u001b[0m", "red"],
    ["a movement of the cursor", "a\u001b[2;5Hb", "ab"],
    ["a title for the window", "a\u001b]0;owned\u0007b", "ab"],
    ["control characters of one byte", "a\u009b31mb", "ab"],
    ["line ends, tabs and bells", "a\r\nb\tc\u0007d", "a b c d"],
    ["a lone escape", "a\u001b", "a "],
    ["the turning of the direction", "a\u202eb", "a b"],
  ])("loses %s", (_, text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  test("keeps letters of all kinds", () => {
    expect(clean("café 温度 👍🏽")).toBe("café 温度 👍🏽");
  });

  test("never holds a control character, whatever came", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(clean(text)).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  test("stands in items under names that are cleaned as well", () => {
    expect(itemsText({ "a\u001b[31m": "b\u0007", count: 3, list: [1, 2] })).toBe("a=b  count=3 list=[1,2]");
  });
});

describe("a cell", () => {
  test("is as wide as it is to be, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }).map(clean), fc.integer({ min: 2, max: 40 }), (text, columns) => {
        expect(columnsOf(fill(text, columns))).toBe(columns);
      }),
    );
  });

  test("is cut between characters, wide ones included", () => {
    expect(cut("温度計", 4)).toBe("温…");
    expect(cut("温度計", 6)).toBe("温度計");
    expect(cut("abcdef", 4, "~")).toBe("abc~");
    expect(cut("abc", 0)).toBe("");
  });

  test("stands at the right where it is a figure", () => {
    expect(fill("1.5", 6, { isRight: true })).toBe("   1.5");
  });
});

describe("a sparkline", () => {
  const scale = { from: 0, to: 100 };

  test("shows the last values, the newest at the right", () => {
    expect(sparkline([99, 0, 50, 100], 3, { scale, isUnicode: true })).toBe("▁▅█");
    expect(sparkline([0, 50, 100], 3, { scale, isUnicode: false })).toBe(".+@");
  });

  test("begins at the right, and has a gap where nothing lived", () => {
    expect(sparkline([100, undefined, 100], 5, { scale, isUnicode: true })).toBe("  █ █");
    expect(sparkline([], 4, { scale: cpuScale([]), isUnicode: true })).toBe("    ");
  });

  test("does not make idling look like work, nor a steady size like a full one", () => {
    expect(sparkline([0, 0.7], 2, { scale: cpuScale([0, 0.7]), isUnicode: true })).toBe("▁▁");
    expect(sparkline([50, 50.2], 2, { scale: memoryScale([50, 50.2]), isUnicode: true })).toBe("▁▁");
    expect(sparkline([50, 100], 2, { scale: memoryScale([50, 100]), isUnicode: true })).toBe("▁█");
  });
});

test("a duration is told in its two largest units", () => {
  expect([0.4, 42, 303, 11_100, 1_047_600].map(duration)).toEqual(["0s", "42s", "5m03s", "3h05m", "12d03h"]);
});

test("only a terminal whose locale says so gets more than ASCII", () => {
  expect(speaksUnicode({ LANG: "de_DE.UTF-8" })).toBe(true);
  expect(speaksUnicode({ LC_ALL: "C", LANG: "de_DE.UTF-8" })).toBe(false);
  expect(speaksUnicode({ LC_ALL: "", LC_CTYPE: "C.utf8" })).toBe(true);
  expect(speaksUnicode({ LANG: "en_US.UTF-8", TERM: "linux" })).toBe(false);
  expect(speaksUnicode({})).toBe(false);
});

test.each([
  ["watchdog", 8, "watchdog"],
  ["temperature-sensor-18", 11, "tempe…or-18"],
  ["温度传感器采集服务", 9, "温度…服务"],
])("the name %s in %i columns is %s", (name, columns, expected) => {
  expect(cutMiddle(name, columns, columnsOf)).toBe(expected);
});
