import { expect, test } from "vitest";
import { createChanges, type Look, type Taken } from "../../../../tools/service-context/watch.ts";

const IDLE: Look = { text: "one", todo: "" };
const EDITED: Look = { text: "two", todo: "added b" };
const RECODED: Look = { text: "one", todo: "restart a" };

/** For each look, whether it is taken over; what is, has the outcome that its text stands for. */
function takenOf(looks: (Look & { taken?: Taken; mayDoBetter?: true })[]): boolean[] {
  const changes = createChanges(IDLE);
  return looks.map(({ taken = "whole", mayDoBetter, ...look }) => {
    const areDue = changes.areDue(look);
    if (areDue) changes.handled(look, taken);
    if (mayDoBetter) changes.reconsider();
    return areDue;
  });
}

test("what stands still is taken over once", () => {
  expect(takenOf([IDLE, EDITED, EDITED, { ...EDITED, todo: "" }, { ...EDITED, todo: "" }])).toEqual([
    ...[false, false, true, false, false],
  ]);
});

test("what is still being written is waited for", () => {
  expect(takenOf([EDITED, { ...EDITED, text: "three" }, { ...EDITED, text: "three" }])).toEqual([false, false, true]);
});

test("a text that changes nothing of the tasks is taken over as well", () => {
  const text = { text: "two", todo: "" };
  expect(takenOf([text, { ...text, taken: "as far as it can be" }, text])).toEqual([false, true, false]);
});

test.each<[string, Look]>([
  ["the file", { text: "three", todo: "added c" }],
  ["the file, taken over with it", { text: "three", todo: "" }],
  ["code", { text: "two", todo: "restart a" }],
])("a change of %s during another one is not missed", (_what, later) => {
  expect(takenOf([EDITED, EDITED, later, later, { ...later, todo: "" }])).toEqual([false, true, false, true, false]);
});

test("the same code changed twice is taken over twice", () => {
  expect(takenOf([RECODED, RECODED, RECODED, RECODED])).toEqual([false, true, true, true]);
  expect(takenOf([RECODED, RECODED, IDLE, IDLE, RECODED, RECODED])).toEqual([false, true, false, false, false, true]);
});

test.each<Taken>(["refused", "as far as it can be"])("what is %s is not tried again as it is", (taken) => {
  const tried = { ...RECODED, taken };
  expect(takenOf([tried, tried, tried, tried, EDITED, EDITED])).toEqual([false, true, false, false, false, true]);
});

test("what was refused, taken back and done again is tried again", () => {
  const refused: Look & { taken: Taken } = { ...RECODED, taken: "refused" };
  expect(takenOf([refused, refused, IDLE, IDLE, refused, refused])).toEqual([false, true, false, false, false, true]);
});

test("what was refused is tried again where that may do better", () => {
  const refused: Look & { taken: Taken } = { ...EDITED, taken: "refused" };
  expect(takenOf([refused, refused, { ...refused, mayDoBetter: true }, refused])).toEqual([false, true, false, true]);
});
