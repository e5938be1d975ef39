import { describe, expect, test } from "vitest";
import { FIGURES_ONLY, readTopOptions } from "../../../src/protocol/top.ts";

describe("what a top request asks for", () => {
  test.each([undefined, null, "yes", [], {}, { memory_maps: false }])("is nothing but figures by %j", (options) => {
    expect(readTopOptions(options)).toEqual(FIGURES_ONLY);
  });

  test.each([true, 1, "1", "true", "yes", " on "])("is a list that is %j", (value) => {
    expect(readTopOptions({ opened_files: value })).toEqual({ ...FIGURES_ONLY, opened_files: true });
  });

  test.each([false, 0, "", "0", "false", "No", "off", null, {}])("is no list that is %j", (value) => {
    expect(readTopOptions({ open_connections: value })).toEqual(FIGURES_ONLY);
  });
});
