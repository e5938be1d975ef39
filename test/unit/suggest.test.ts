import { describe, expect, test } from "vitest";
import { nearest } from "../../src/suggest.ts";

describe("the word that was probably meant", () => {
  test.each([
    ["on_strat", ["on_start", "on_exit"], "on_start"],
    ["frontbind", ["FrontBind", "BackendBind"], "FrontBind"],
    ["cal", ["action", "call"], "call"],
  ])("of %j is one that differs little", (word, known, meant) => {
    expect(nearest(word, known)).toBe(meant);
  });

  test.each([
    ["ts009", ["ts001", "ts002"], "two are as near"],
    ["on_stop", ["on_start", "on_exit"], "none is near"],
    ["x", ["y"], "all of it differs"],
    ["", ["a"], "nothing was written"],
    ["x".repeat(200), [`${"x".repeat(199)}y`], "so long a word is not typed"],
  ])("of %j is unknown where %j: %s", (word, known) => {
    expect(nearest(word, known)).toBeUndefined();
  });
});
