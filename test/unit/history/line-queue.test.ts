import { expect, test } from "vitest";
import { createLineQueue, wholeLines } from "../../../src/history/line-queue.ts";

const lines = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const textsIn = (taken: readonly Buffer[]) => taken.map(String);

function queueOf(maxBytes: number, ...texts: string[]) {
  const queue = createLineQueue(maxBytes);
  for (const line of lines(...texts)) queue.push(line);
  return queue;
}

test("lines are taken in their order, and as many as fit", () => {
  const queue = queueOf(100, "aa", "bbb", "c");

  expect([0, 1, 2, 4, 5, 6, 100].map(queue.fitting)).toEqual([0, 0, 1, 1, 2, 3, 3]);
  expect(textsIn(queue.take(queue.fitting(5)))).toEqual(["aa", "bbb"]);
  expect(queue.length).toBe(1);
});

test("beyond the bound the oldest lines are dropped and counted, those put back included", () => {
  const queue = queueOf(6, "aa", "bb", "cc", "dd");
  expect([queue.length, queue.dropped]).toEqual([3, 1]);

  const taken = queue.take(2);
  queue.push(Buffer.from("ee"));
  queue.putBack(taken);

  expect(queue.dropped).toBe(2);
  expect(textsIn(queue.take(9))).toEqual(["cc", "dd", "ee"]);
});

test("a line of which a byte is missing is not whole", () => {
  expect([-1, 0, 1, 2, 4, 5].map((bytes) => wholeLines(lines("aa", "bbb"), bytes))).toEqual([0, 0, 0, 1, 1, 2]);
});
