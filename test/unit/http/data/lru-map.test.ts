import { expect, test } from "vitest";
import { createLruMap } from "../../../../src/http/data/lru-map.ts";

test("the value that was not used for longest is dropped", () => {
  const map = createLruMap(2, () => ({}));
  const [first] = [map.at("a"), map.at("b")];

  expect(map.at("a")).toBe(first);
  map.at("c");

  expect(map.find("a")).toBe(first);
  expect(map.find("b")).toBeUndefined();
});
