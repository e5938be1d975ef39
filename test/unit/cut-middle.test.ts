import { describe, expect, test } from "vitest";
import { cutMiddle } from "../../src/cut-middle.ts";

/** As if each character were one wide, and wide ones two. */
const measure = (text: string) => [...text].reduce((sum, char) => sum + (char >= "\u2e80" ? 2 : 1), 0);

describe("a name", () => {
  test.each([
    ["that fits", "watchdog", 8, "watchdog"],
    ["that is too long", "temperature-sensor-corner-18", 11, "tempe…er-18"],
    ["of wide characters", "温度传感器采集服务", 9, "温度…服务"],
    ["without room for a character", "watchdog", 1, ""],
    ["that is empty", "", 5, ""],
  ])("%s is cut in its middle at most", (_, text, room, expected) => {
    expect(cutMiddle(text, room, measure)).toBe(expected);
  });

  test("is never cut within a character that has several parts", () => {
    const family = "👩‍👩‍👧";

    expect(cutMiddle(family.repeat(8), 24, measure).replace("…", "").replaceAll(family, "")).toBe("");
  });
});
