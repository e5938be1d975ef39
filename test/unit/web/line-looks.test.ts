import { expect, test } from "vitest";
import { createLineLooks } from "../../../web/line-looks.ts";

const ids = Array.from({ length: 45 }, (_, index) => `task_${index}`);

test("each of many tasks has a line of its own look", () => {
  const looks = createLineLooks();
  looks.know(ids);

  expect(new Set(ids.map((id) => JSON.stringify(looks.of(id)))).size).toBe(45);
});

test("a task keeps its look, whichever tasks come and go", () => {
  const looks = createLineLooks();
  looks.know(ids.slice(0, 5));
  const before = looks.of("task_3");

  looks.know(["new", ...ids]);
  looks.of("newer");
  looks.know(["task_3"]);

  expect(looks.of("task_3")).toEqual(before);
  expect(looks.of("newer")).not.toEqual(before);
});
